//! `tidewatch features`: the catalogue, generated from the code.

use std::fmt::Write;

use serde_json::{Value, json};
use tidewatch::Result;
use tidewatch::window::{Feature, View, catalogue};

use super::Outcome;
use super::terminal::{print, print_json};

#[derive(clap::Args)]
pub struct Args {
    /// The features of one view: network, host, pair or flow [default: all]
    #[arg(long, value_name = "VIEW")]
    view: Option<String>,
    /// Print them as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<Outcome> {
    let features: Vec<&Feature> = match &args.view {
        Some(view) => catalogue(view.parse()?).collect(),
        // Every feature of another view is one of hosts too.
        None => catalogue(View::Host).collect(),
    };
    if args.json {
        print_json(&features.iter().map(|feature| as_json(feature)).collect::<Vec<_>>())?;
    } else {
        print(&features.iter().map(|feature| as_text(feature)).collect::<Vec<_>>().join("\n"))?;
    }
    Ok(Outcome::Whole)
}

fn as_json(feature: &Feature) -> Value {
    json!({
        "name": feature.name,
        "unit": feature.unit.name(),
        "range": feature.unit.range(),
        "views": feature.views,
        "adds": feature.adds,
        "measures": feature.measures,
        "matters": feature.matters,
        "blind_spot": feature.blind_spot,
    })
}

fn as_text(feature: &Feature) -> String {
    let views: Vec<&str> = feature.views.iter().map(|view| view.name()).collect();
    let mut text = format!("{} ({})\n", feature.name, views.join(", "));
    let headings = [
        ("what it measures", feature.measures.to_owned()),
        ("why it matters", feature.matters.to_owned()),
        ("unit and range", format!("{}, {}", feature.unit.name(), feature.unit.range())),
        ("blind spot", feature.blind_spot.to_owned()),
    ];
    for (heading, words) in headings {
        let _ = writeln!(text, "  {heading:<17}{words}");
    }
    text
}
