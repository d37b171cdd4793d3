//! The models in `models/` are what their commands make.

mod common;

use std::path::Path;
use std::process::Command;

use common::{Folder, TIDEWATCH};

#[test]
fn the_example_models_are_made_again_byte_for_byte() {
    let folder = Folder::new();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let made = Command::new("bash")
        .arg(models.join("make"))
        .arg(folder.path("."))
        .env("TIDEWATCH", TIDEWATCH)
        .status()
        .unwrap();
    assert!(made.success());
    for name in ["plant-hosts", "plant-network"] {
        let again = format!("{name}: run models/make, and look at what changed in its card");
        let kept = std::fs::read(models.join(format!("{name}.tw"))).unwrap();
        assert!(folder.get(&format!("{name}.tw")) == kept, "{again}");
        let judged = String::from_utf8(folder.get(&format!("{name}.judged.txt"))).unwrap();
        assert_eq!(judged, std::fs::read_to_string(models.join(format!("{name}.judged.txt"))).unwrap(), "{again}");
        let card = std::fs::read_to_string(models.join(format!("{name}.md"))).unwrap();
        assert!(card.contains("## What it misses") && card.contains("models/make"), "{name}.md is no card");
        assert_eq!(folder.done(&format!("inspect {name}.tw --json")).json()["kind"], "model");
    }
}
