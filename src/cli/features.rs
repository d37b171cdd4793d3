//! `tidewatch features`: the catalogue, generated from the code.

use std::fmt::Write;

use serde_json::{Value, json};
use tidewatch::window::{Feature, View, catalogue};
use tidewatch::{Result, context};

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
    // Every feature of another view is one of hosts too.
    let view = args.view.as_ref().map_or(Ok(View::Host), |view| view.parse())?;
    if args.json {
        let context = context::catalogue(view).map(|feature| as_json(feature, "context"));
        print_json(&catalogue(view).map(|feature| as_json(feature, "window")).chain(context).collect::<Vec<_>>())?;
    } else {
        let context = context::catalogue(view).map(|feature| as_text(feature, "from what came before"));
        let window = catalogue(view).map(|feature| as_text(feature, "from the window alone"));
        print(&window.chain(context).collect::<Vec<_>>().join("\n"))?;
    }
    Ok(Outcome::Whole)
}

fn as_json<T>(feature: &Feature<T>, stage: &str) -> Value {
    json!({
        "name": feature.name,
        "unit": feature.unit.name(),
        "range": feature.unit.range(),
        "views": feature.views,
        "adds": feature.adds,
        "stage": stage,
        "measures": feature.measures,
        "matters": feature.matters,
        "blind_spot": feature.blind_spot,
    })
}

fn as_text<T>(feature: &Feature<T>, stage: &str) -> String {
    let views: Vec<&str> = feature.views.iter().map(|view| view.name()).collect();
    let mut text = format!("{} ({})\n", feature.name, views.join(", "));
    let headings = [
        ("what it measures", feature.measures.to_owned()),
        ("why it matters", feature.matters.to_owned()),
        ("unit and range", format!("{}, {}", feature.unit.name(), feature.unit.range())),
        ("blind spot", feature.blind_spot.to_owned()),
        ("made", stage.to_owned()),
    ];
    for (heading, words) in headings {
        let _ = writeln!(text, "  {heading:<17}{words}");
    }
    text
}
