//! `tidewatch export`: a model in an open format.

use std::path::PathBuf;

use tidewatch::{Error, Result, artifact, file};

use super::Outcome;
use super::input::check_output;
use super::terminal::{Terminal, count};

#[derive(clap::Args)]
pub struct Args {
    /// The model file
    model: PathBuf,
    /// Write it as ONNX, which onnxruntime and others score with
    #[arg(long, value_name = "FILE", required = true)]
    onnx: PathBuf,
}

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    check_output(&args.onnx, std::slice::from_ref(&args.model))?;
    let onnx = artifact::read(&args.model)?.onnx();
    file::write(&args.onnx, |out| out.write_all(&onnx.bytes).map_err(|error| Error::io(&args.onnx, &error)))?;
    let inputs: Vec<String> = onnx
        .inputs
        .iter()
        .map(|(name, columns)| if *columns > 1 { format!("{name} ({columns} columns)") } else { (*name).to_owned() })
        .collect();
    let left_out: Vec<&str> = onnx.left_out.iter().map(|kind| kind.name()).collect();
    if !left_out.is_empty() {
        terminal.warn(format_args!(
            "there is no ONNX of {}: the file has the other members' scores, and no verdict",
            left_out.join(", ")
        ));
    }
    let bytes = count(onnx.bytes.len() as u64);
    terminal.say(format_args!("{}: {bytes} bytes; takes {}", args.onnx.display(), inputs.join(", ")));
    Ok(Outcome::Whole)
}
