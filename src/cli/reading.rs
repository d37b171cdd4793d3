//! How input is read: the flags, and what they say once they are checked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tidewatch::matrix::{Selection, TableOptions};
use tidewatch::packet::{Filter, Subnet, Tunnels};
use tidewatch::truth::Truth;
use tidewatch::window::{Plan, Room, Scope, View, Views, Windowing};
use tidewatch::{Error, Result};

/// How captures are cut into rows.
#[derive(Args, Clone, Debug)]
pub struct WindowArgs {
    /// Whose row a row is: network (one a window), host (one an address), pair (of addresses) or flow (a 5-tuple) [default: host]
    #[arg(long, value_name = "VIEW")]
    view: Option<String>,
    /// How long a window lasts, as in 30s, 5m or 500ms [default: 30s]
    #[arg(long, value_name = "TIME")]
    window: Option<String>,
}

/// How captures are read.
#[derive(Args, Clone, Debug)]
pub struct CaptureArgs {
    /// Ground truth of the captures [default: CAPTURE.labels.toml beside each, if there is one]
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// How long a window stays open for packets that come late, by the packets' own time [default: 1s]
    #[arg(long, value_name = "TIME")]
    lateness: Option<String>,
    /// Which packet of a tunnel (GRE, VXLAN, GTP-U, IP in IP and others) counts [default: inner, or the model's]
    #[arg(long, value_name = "PACKET")]
    tunnels: Option<TunnelArg>,
    /// Only packets that match, as in 'net 10.0.0.0/8 and not port 22', in tcpdump's words
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,
    /// The own networks, as in 10.0.0.0/8,fe80::/10: all other addresses share one row, `others`
    #[arg(long, value_name = "NETS", value_delimiter = ',')]
    local: Vec<String>,
    /// Rows of a view that a window has at most; what is beyond shares one, `others`
    #[arg(long, default_value_t = Room::ENTITIES, value_name = "N")]
    max_entities: usize,
    /// How much memory reading and counting may take, as in 512MiB or 4GiB; what finds no room is counted together
    #[arg(long, default_value = "1GiB", value_name = "SIZE")]
    memory: String,
}

/// How input is read.
#[derive(Args, Clone, Debug, Default)]
pub struct ReadArgs {
    #[command(flatten)]
    captures: CaptureArgs,
    #[command(flatten)]
    table: TableArgs,
    /// In a table made elsewhere: a column to leave out
    #[arg(long, value_name = "COLUMN")]
    drop_column: Vec<String>,
}

/// How a table made elsewhere is read.
#[derive(Args, Clone, Debug, Default)]
pub struct TableArgs {
    /// In a table made elsewhere: the column that holds the truth
    #[arg(long, value_name = "COLUMN")]
    label_column: Option<String>,
    /// In a table made elsewhere: a value of that column that means benign [default: benign, normal, 0, …]
    #[arg(long, value_name = "VALUE")]
    benign: Vec<String>,
    /// In a table made elsewhere: the column that holds the time
    #[arg(long, value_name = "COLUMN")]
    time_column: Option<String>,
    /// A CSV's first line is a row too; its columns are then column_1, column_2, …
    #[arg(long)]
    no_header: bool,
}

/// How the command line names [`Tunnels`].
#[derive(ValueEnum, Clone, Copy, Debug)]
enum TunnelArg {
    /// The packet that is carried
    Inner,
    /// The packet that carries
    Outer,
}

/// Checked parameters of reading.
pub struct Reading {
    labels: Option<PathBuf>,
    pub lateness_ns: i64,
    pub tunnels: Option<Tunnels>,
    /// Its words.
    pub filter: Option<String>,
    pub local: Vec<String>,
    room: Room,
    /// The options that were given and that are about captures.
    about_captures: Vec<&'static str>,
    pub table: TableOptions,
    /// Whether the one capture is read on as it grows.
    pub follow: bool,
    /// Whether the rows of captures tell what was sighted.
    pub sightings: bool,
    /// Whether they tell with whom they were.
    pub parties: bool,
}

/// Whether a capture is read on as it grows.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct FollowArgs {
    /// Read on as the capture file grows, as tail -f does, until Ctrl-C or until the file is replaced or truncated
    #[arg(long)]
    follow: bool,
}

impl FollowArgs {
    /// Whether `inputs` are to be followed.
    pub fn check(self, inputs: &[PathBuf]) -> Result<bool> {
        let refuse = |what, hint| Err(Error::parameter("--follow", what, hint));
        match inputs {
            _ if !self.follow => Ok(false),
            [only] if only == Path::new("-") => refuse("standard input is read as it comes anyway", "leave it out"),
            [only] if only.is_dir() => refuse("a folder cannot be followed", "name the file that is being written"),
            [_] => Ok(true),
            _ => refuse("one capture can be followed", "name one"),
        }
    }
}

impl Default for CaptureArgs {
    fn default() -> Self {
        Self {
            labels: None,
            lateness: None,
            tunnels: None,
            filter: None,
            local: Vec::new(),
            max_entities: Room::ENTITIES,
            memory: "1GiB".to_owned(),
        }
    }
}

impl ReadArgs {
    /// Checks what can be checked before any file is read.
    pub fn check(&self) -> Result<Reading> {
        let table = TableOptions { drop: self.drop_column.clone(), ..self.table.options() };
        Ok(Reading { table, ..self.captures.check()? })
    }
}

impl TableArgs {
    /// With no column left out.
    pub fn options(&self) -> TableOptions {
        let default = TableOptions::default();
        TableOptions {
            label_column: self.label_column.clone(),
            benign: if self.benign.is_empty() { default.benign } else { self.benign.clone() },
            time_column: self.time_column.clone(),
            header: !self.no_header,
            drop: default.drop,
        }
    }
}

impl CaptureArgs {
    /// Checks what can be checked before any file is read.
    pub fn check(&self) -> Result<Reading> {
        let filter = self.filter.as_ref().map(|words| words.split_whitespace().collect::<Vec<_>>().join(" "));
        filter.as_deref().map(Filter::parse).transpose()?;
        networks(&self.local)?;
        let given = [
            ("--labels", self.labels.is_some()),
            ("--lateness", self.lateness.is_some()),
            ("--tunnels", self.tunnels.is_some()),
            ("--filter", self.filter.is_some()),
            ("--local", !self.local.is_empty()),
        ];
        Ok(Reading {
            labels: self.labels.clone(),
            lateness_ns: match &self.lateness {
                Some(lateness) => nanoseconds("--lateness", lateness)?,
                None => Windowing::LATENESS_NS,
            },
            tunnels: self.tunnels.map(|tunnels| match tunnels {
                TunnelArg::Inner => Tunnels::Inner,
                TunnelArg::Outer => Tunnels::Outer,
            }),
            filter,
            local: self.local.clone(),
            about_captures: given.into_iter().filter_map(|(name, given)| given.then_some(name)).collect(),
            room: Room::new(bytes("--memory", &self.memory)?, self.max_entities)?,
            table: TableOptions::default(),
            sightings: true,
            parties: false,
            follow: false,
        })
    }
}

impl WindowArgs {
    /// These views, these windows.
    pub fn new(view: Option<String>, window: Option<String>) -> Self {
        Self { view, window }
    }

    /// The views, and the windows with the lateness of `reading`.
    pub fn check(&self, reading: &mut Reading) -> Result<(Views, Windowing)> {
        let given = [("--view", &self.view), ("--window", &self.window)];
        reading.about_captures.extend(given.into_iter().filter_map(|(name, given)| given.as_ref().map(|_| name)));
        let views = self.view.as_deref().unwrap_or("host").split(',');
        let views = views.map(|view| view.trim().parse::<View>()).collect::<Result<_>>()?;
        let length_ns = nanoseconds("--window", self.window.as_deref().unwrap_or("30s"))?;
        Ok((views, Windowing::new(length_ns, reading.lateness_ns)?))
    }

    /// The same, where one view is wanted.
    pub fn check_one(&self, reading: &mut Reading) -> Result<(View, Windowing)> {
        let (views, windowing) = self.check(reading)?;
        let mut views = views.iter();
        match (views.next(), views.next()) {
            (Some(view), None) => Ok((view, windowing)),
            _ => Err(Error::parameter("--view", "a model is of one view", "train a model for each")),
        }
    }
}

/// A length of time in nanoseconds: `30s`, `5m`, `1h30m`.
pub fn nanoseconds(name: &str, text: &str) -> Result<i64> {
    let wrong = || Error::parameter(name, format!("'{text}' is no length of time"), "write it as 30s, 5m or 500ms");
    let text_or_zero = if text == "0" { "0s" } else { text };
    let span: jiff::Span = text_or_zero.parse().map_err(|_| wrong())?;
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    i64::try_from(duration.as_nanos()).map_err(|_| wrong())
}

/// The networks of the operator.
fn networks(texts: &[String]) -> Result<Arc<[Subnet]>> {
    let network = |text: &String| {
        let hint = "write it as 10.0.0.0/8, 192.168.1.7 or fe80::/10";
        Subnet::parse(text).ok_or_else(|| Error::parameter("--local", format!("'{text}' is no network"), hint))
    };
    texts.iter().map(network).collect()
}

/// A number of bytes: `512MiB`, `4GiB`, `1000000`.
pub fn bytes(name: &str, text: &str) -> Result<u64> {
    const UNITS: [(&str, u64); 7] = [
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("KiB", 1 << 10),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("kB", 1000),
        ("", 1),
    ];
    let wrong = || Error::parameter(name, format!("'{text}' is no amount of memory"), "write it as 512MiB or 4GiB");
    let (number, unit) = UNITS
        .into_iter()
        .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?.trim(), unit)))
        .ok_or_else(wrong)?;
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(wrong)
}

impl Reading {
    /// How the packets of captures become windows: what `selection` says, `filter` being its filter.
    ///
    /// # Errors
    /// The selection of a model names what is no network.
    pub fn plan<'a>(
        &self,
        views: Views,
        windowing: Windowing,
        selection: &Selection,
        filter: Option<&'a Filter>,
    ) -> Result<Plan<'a>> {
        let Self { room, sightings, parties, .. } = *self;
        let scope = Scope { local: networks(&selection.local)?, room, sightings, parties, ..Scope::new(views) };
        Ok(Plan { windowing, scope, tunnels: selection.tunnels, filter })
    }

    /// Refuses options that would do nothing, for no input is a capture.
    ///
    /// # Errors
    /// There is one.
    pub fn check_without_captures(&self) -> Result<()> {
        let refuse = |name: &&str| {
            let what = "is about captures, and none of the inputs is one";
            Error::parameter(name, what, "leave it out: a matrix is what it was extracted as")
        };
        self.about_captures.first().map_or(Ok(()), |name| Err(refuse(name)))
    }

    /// The ground truth of a capture: what the user names, else what stands beside it.
    pub fn truth(&self, capture: &Path) -> Result<Option<Truth>> {
        match &self.labels {
            Some(labels) => Truth::read(labels).map(Some),
            None if capture == Path::new("-") => Ok(None),
            None => Truth::beside(capture),
        }
    }
}
