//! What the protocols of industrial control have in common: messages that name a function.

/// Functions that are told apart in one packet; other ones behind them are not counted.
const MOST: usize = 8;
/// Messages of one packet that are read, at most; a full Ethernet frame has room for about a hundred.
pub const MOST_MESSAGES: usize = 255;

/// The industrial messages of one packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ics {
    /// Their protocol.
    pub protocol: Industrial,
    len: u8,
    functions: [(Function, u8); MOST],
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
    /// The functions that its messages name, in the order of the first of each, and how many name it.
    pub fn functions(&self) -> &[(Function, u8)] {
        self.functions.get(..self.len.into()).unwrap_or_default()
    }

    /// What these messages of a protocol name; none of none.
    pub fn of(protocol: Industrial, messages: impl Iterator<Item = Function>) -> Option<Self> {
        let nothing = (Function { code: 0, class: Class::Unknown }, 0);
        let mut ics = Self { protocol, len: 0, functions: [nothing; MOST] };
        for function in messages.take(MOST_MESSAGES) {
            let known = ics.functions().iter().position(|&(known, _)| known == function);
            if let Some((place, times)) = ics.functions.get_mut(known.unwrap_or(ics.len.into())) {
                (*place, *times) = (function, *times + 1);
                ics.len += u8::from(known.is_none());
            }
        }
        (ics.len > 0).then_some(ics)
    }
}

impl std::fmt::Debug for Ics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ics").field("protocol", &self.protocol).field("functions", &self.functions()).finish()
    }
}
