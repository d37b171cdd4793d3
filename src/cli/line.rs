//! Live interfaces: how one is listened to, and `tidewatch interfaces`.

#[cfg(any(target_os = "linux", feature = "libpcap"))]
pub use here::{listen, run};

#[derive(clap::Args)]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What tells when a packet came.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Time {
    Kernel,
    Hardware,
}

/// How an interface is listened to.
#[derive(clap::Args)]
pub struct LineArgs {
    /// What may arrive on the interface while nobody looks, as in 64MiB, in all rings together
    #[arg(long, value_name = "SIZE", default_value = "64MiB", conflicts_with = "replay")]
    ring: String,
    /// Share the interface out to so many rings, flow by flow, for one that many processors receive from
    #[arg(long, value_name = "NUMBER", default_value = "1", conflicts_with = "replay", value_parser = clap::value_parser!(u8).range(1..=64))]
    rings: u8,
    /// Whose clock tells when a packet came; the hardware's is more even, if the interface has one, and has to be kept in step
    #[arg(long, value_name = "CLOCK", value_enum, default_value = "kernel", conflicts_with = "replay")]
    time: Time,
    /// Only what is for this machine, or from it
    #[arg(long, conflicts_with = "replay")]
    no_promiscuous: bool,
    /// By libpcap, as on other systems, and not by the kernel's own rings
    #[cfg(all(target_os = "linux", feature = "libpcap"))]
    #[arg(long, conflicts_with = "replay")]
    libpcap: bool,
}

#[cfg(any(target_os = "linux", feature = "libpcap"))]
mod here {
    use tidewatch::Result;
    use tidewatch::capture::line::{Clock, Interface, Line, Listening, interfaces};
    use tidewatch::confine::renounce;
    use tidewatch::packet::Filter;

    use super::super::Outcome;
    use super::super::reading::bytes;
    use super::super::terminal::{Terminal, print, print_json};
    use super::{Args, LineArgs, Time};

    impl From<Time> for Clock {
        fn from(time: Time) -> Self {
            match time {
                Time::Kernel => Self::Kernel,
                Time::Hardware => Self::Hardware,
            }
        }
    }

    pub fn listen(name: &str, args: &LineArgs, filter: Option<&Filter>, terminal: &Terminal) -> Result<Line> {
        // What the kernel cannot judge, or all of it if that is too long, is judged when it has come.
        let program = filter.and_then(|filter| filter.program());
        let ring = usize::try_from(bytes("--ring", &args.ring)?).unwrap_or(usize::MAX);
        let listening = Listening {
            promiscuous: !args.no_promiscuous,
            program,
            ring,
            rings: args.rings.into(),
            clock: args.time.into(),
        };
        let line = open(name, args, &listening, terminal)?;
        if let Some(why) = line.untimed() {
            terminal
                .warn(format_args!("{name}: the hardware does not tell when packets came ({why}): the kernel does"));
        }
        if let Err(error) = renounce() {
            terminal.warn(format_args!("the capabilities that are no longer needed could not be given up: {error}"));
        }
        Ok(line)
    }

    #[cfg(all(target_os = "linux", feature = "libpcap"))]
    fn open(name: &str, args: &LineArgs, listening: &Listening, terminal: &Terminal) -> Result<Line> {
        let open = if args.libpcap { Line::open_by_libpcap } else { Line::open };
        open(name, listening, terminal.enough())
    }

    #[cfg(not(all(target_os = "linux", feature = "libpcap")))]
    fn open(name: &str, _: &LineArgs, listening: &Listening, terminal: &Terminal) -> Result<Line> {
        Line::open(name, listening, terminal.enough())
    }

    pub fn run(args: &Args) -> Result<Outcome> {
        let interfaces = interfaces();
        if args.json {
            print_json(&interfaces)?;
            return Ok(Outcome::Whole);
        }
        let width = interfaces.iter().map(|interface| interface.name.len()).max().unwrap_or(0);
        let line = |Interface { name, kind, hardware_times, missing }: &Interface| {
            let times = if *hardware_times { ", by its own clock (--time hardware)" } else { "" };
            let state = if missing.is_empty() { format!("can be watched{times}") } else { missing.join("; ") };
            format!("{name:width$}  {kind:8}  {state}\n")
        };
        print(&interfaces.iter().map(line).collect::<String>())?;
        Ok(Outcome::Whole)
    }
}

#[cfg(not(any(target_os = "linux", feature = "libpcap")))]
pub use elsewhere::{listen, run};

/// What is said where no interface can be listened to.
#[cfg(not(any(target_os = "linux", feature = "libpcap")))]
mod elsewhere {
    use tidewatch::capture::{Inflow, Ledger, Take, Walk};
    use tidewatch::packet::Filter;
    use tidewatch::{Error, ErrorKind, Result};

    use super::super::{Outcome, terminal::Terminal};
    use super::{Args, LineArgs};

    /// No line.
    pub enum Line {}

    impl Line {
        pub fn trouble(&self) -> Option<&str> {
            match *self {}
        }
    }

    impl Inflow for Line {
        fn walk(&mut self, _: &mut Ledger, _: impl Take) -> Walk {
            match *self {}
        }
    }

    fn not_here(subject: &str) -> Error {
        Error::new(
            ErrorKind::Capture,
            subject,
            "this program was built without libpcap, which this system needs for it",
        )
        .hint("build it with --features libpcap; or tcpdump -i en0 -U -w - | tidewatch score MODEL -")
    }

    pub fn listen(name: &str, _: &LineArgs, _: Option<&Filter>, _: &Terminal) -> Result<Line> {
        Err(not_here(name))
    }

    pub fn run(_: &Args) -> Result<Outcome> {
        Err(not_here("interfaces"))
    }
}
