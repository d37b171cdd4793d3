//! Programs that the kernel runs on a frame to decide whether it is let in: classic BPF (McCanne and Jacobson, USENIX 1993).

/// An instruction, as the kernel knows it (`struct sock_filter`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What it does.
    pub code: u16,
    /// Instructions to pass over if a condition holds, and if it does not.
    pub jt: u8,
    pub jf: u8,
    /// The number that it works with.
    pub k: u32,
}

/// A program: it ends with an instruction that accepts the frame or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(pub Vec<Instruction>);

impl Program {
    /// Accepts every frame, all of it.
    pub fn everything() -> Self {
        Self(vec![Instruction { code: 0x06, jt: 0, jf: 0, k: u32::MAX }])
    }

    /// Accepts nothing.
    pub fn nothing() -> Self {
        Self(vec![Instruction { code: 0x06, jt: 0, jf: 0, k: 0 }])
    }
}
