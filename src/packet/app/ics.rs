//! What the protocols of industrial control have in common: messages that name a function.

/// Messages of one packet that are told apart; what follows them is not read.
const MOST: usize = 12;

/// The industrial messages of one packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ics {
    /// Their protocol.
    pub protocol: Industrial,
    len: u8,
    functions: [Function; MOST],
}

/// A protocol of industrial control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Industrial {
    Modbus,
    Dnp3,
    S7,
}

/// What one message wants or says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its code in its protocol. S7 has groups of functions beside its functions: 0x80, and twice four bits for the kind of
    /// message (0 unasked, 1 request, 2 response) and the group.
    pub code: u8,
    /// What it amounts to.
    pub class: Class,
}

/// What a function amounts to, whatever its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// Asks for values.
    Read,
    /// Sets values.
    Write,
    /// Operates an output: select, operate, direct operate.
    Control,
    /// Starts, restarts or stops a device or its program.
    Restart,
    /// Moves programs or files to a device or from it.
    Program,
    /// Settings, diagnostics, identity, time.
    Configuration,
    /// Answers.
    Response,
    /// Tells what nobody asked for just now.
    Unsolicited,
    /// Answers that it cannot or will not.
    Error,
    /// No function of the protocol.
    Unknown,
}

impl Function {
    /// 1 of a command, −1 of an answer: who commands has more of it than who answers.
    pub fn initiative(&self, protocol: Industrial) -> i64 {
        const CONFIRM: u8 = 0;
        match (self.class, protocol, self.code) {
            // Either side of DNP3 confirms what it was sent.
            (Class::Response, Industrial::Dnp3, CONFIRM) => 0,
            (Class::Response | Class::Unsolicited | Class::Error, ..) => -1,
            _ => 1,
        }
    }
}

impl Class {
    /// How many classes there are.
    pub const COUNT: usize = Class::Unknown as usize + 1;
}

impl Ics {
    /// The functions of its messages, in their order.
    pub fn functions(&self) -> &[Function] {
        self.functions.get(..self.len.into()).unwrap_or_default()
    }

    /// The functions that these messages of a protocol name, as many as there is room for; none of none.
    pub fn of(protocol: Industrial, messages: impl Iterator<Item = Function>) -> Option<Self> {
        let mut ics = Self { protocol, len: 0, functions: [Function { code: 0, class: Class::Unknown }; MOST] };
        for (place, function) in ics.functions.iter_mut().zip(messages) {
            *place = function;
            ics.len += 1;
        }
        (ics.len > 0).then_some(ics)
    }
}

impl std::fmt::Debug for Ics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ics").field("protocol", &self.protocol).field("functions", &self.functions()).finish()
    }
}
