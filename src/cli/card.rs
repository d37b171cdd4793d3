//! The card of a model: what it learned from, what it is, and what is to be expected of it.

use tidewatch::alert::time;
use tidewatch::matrix::duration;
use tidewatch::model::train::{Model, Source};

/// What a model says of itself, as name and value.
pub fn card(model: &Model) -> Vec<(String, String)> {
    let (card, schema) = (&model.card, &model.schema);
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
    fact("view", schema.view.clone());
    fact("window", if schema.window_ns == 0 { "none".to_owned() } else { duration(schema.window_ns) });
    if schema.view().is_some() {
        fact("packets", schema.selection.to_string());
    }
    let definitions =
        if schema.definitions > 0 { format!(", definitions {}", schema.definitions) } else { String::new() };
    fact("features", format!("{}{definitions}", schema.columns.len()));
    fact("schema", schema.fingerprint());
    let sources: Vec<String> = card.sources.iter().map(source).collect();
    fact("trained on", sources.join(", "));
    if schema.window_ns > 0 {
        fact("trained from", time(card.first_ns));
        fact("trained to", time(card.last_ns));
    }
    fact(
        "training rows",
        format!(
            "{} benign; left out: {} of attacks, {} of windows cut by a capture's ends",
            card.benign_rows, card.attack_rows, card.edge_rows
        ),
    );
    if card.doubtful_rows > 0 {
        fact("doubtful rows", format!("{} that may be attacks; no detector was fitted on them", card.doubtful_rows));
    }
    fact("training days", format!("{:.3}", card.days));
    let members: Vec<&str> = card.members.iter().map(|kind| kind.name()).collect();
    fact("members", members.join(", "));
    for (kind, words) in model.members_in_words() {
        fact(&format!("member {}", kind.name()), words);
    }
    if !card.left_out.is_empty() {
        let left_out: Vec<String> =
            card.left_out.iter().map(|(kind, why)| format!("{} ({why})", kind.name())).collect();
        fact("left out", left_out.join("; "));
    }
    if let Some(entities) = model.tempers() {
        fact(
            "tempers",
            format!("{entities} entities that are strange for anybody at times, and are heard less for it"),
        );
    }
    if model.knows_hours() {
        fact(
            "hours",
            "training has a rhythm: what is odd at an hour of the day (UTC) is held against that hour".to_owned(),
        );
    }
    if let Some(words) = model.lasting_in_words() {
        fact("what lasts", words);
    }
    if let Some((entities, sightings)) = model.remembers() {
        fact("remembers", format!("{entities} entities, {sightings} things that they showed"));
    }
    fact("threshold", format!("score {:.3}, for {} alarms a day", model.threshold(), card.alarms_per_day));
    let (low, high) = card.expected.interval;
    fact(
        "expected alarms a day",
        format!(
            "{:.2} in {:.2} events, {low} to {high} on 19 days of 20, from {} rows of {:.3} days, each scored by members that had \
             not seen its part of the time",
            card.expected.alarms, card.expected.events, card.benign_rows, card.days
        ),
    );
    if card.renewed > 0 {
        let times = if card.renewed == 1 { "once".to_owned() } else { format!("{} times", card.renewed) };
        fact("renewed", format!("{times}; what is said of training is said of the last"));
    }
    fact("seed", card.seed.to_string());
    fact("trained by", format!("tidewatch {}", card.version));
    facts
}

fn source(source: &Source) -> String {
    let hash = if source.sha256.is_empty() { "unknown" } else { &source.sha256 };
    let span = source.span_ns.map(|(first, last)| format!(", {} to {}", time(first), time(last)));
    format!("{} (sha256 {hash}{})", source.name, span.unwrap_or_default())
}
