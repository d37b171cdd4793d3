//! `tidewatch features` prints the whole catalogue.

use assert_cmd::Command;
use tidewatch::window::{View, catalogue};

fn features(args: &[&str]) -> String {
    let output = Command::cargo_bin("tidewatch").unwrap().arg("features").args(args).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_feature_is_printed_with_all_that_is_known_of_it() {
    let text = features(&[]);
    for view in View::ALL {
        for feature in catalogue(view) {
            let heading = format!("{} (", feature.name);
            let entry =
                text.lines().skip_while(|line| !line.starts_with(&heading)).take(5).collect::<Vec<_>>().join("\n");
            for words in [view.name(), feature.measures, feature.matters, feature.unit.name(), feature.blind_spot] {
                assert!(entry.contains(words), "{}: {words:?} is missing in\n{entry}", feature.name);
            }
        }
    }
}

#[test]
fn a_view_has_its_own_features() {
    for view in View::ALL {
        let json: serde_json::Value = serde_json::from_str(&features(&["--json", "--view", view.name()])).unwrap();
        let printed: Vec<&str> =
            json.as_array().unwrap().iter().map(|feature| feature["name"].as_str().unwrap()).collect();
        let context = tidewatch::context::catalogue(view).map(|feature| feature.name);
        assert_eq!(printed, catalogue(view).map(|feature| feature.name).chain(context).collect::<Vec<_>>());
        for feature in json.as_array().unwrap() {
            for key in ["name", "unit", "range", "adds", "measures", "matters", "blind_spot"] {
                assert!(feature[key].as_str().is_some_and(|words| !words.is_empty()), "{key} of {feature}");
            }
            let (measures, whose) = (feature["measures"].as_str().unwrap(), ["the host", "its ", "it "]);
            // What is said of a host alone says what it is of others.
            let told = ["in other views", "of the network"].iter().any(|words| measures.contains(words));
            assert!(view == View::Host || told || !whose.iter().any(|words| measures.contains(words)), "{feature}");
        }
    }
}
