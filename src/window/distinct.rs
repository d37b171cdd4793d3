//! stub
use rustc_hash::FxHashSet;
#[derive(Clone, Debug, Default)]
pub struct Distinct(FxHashSet<u64>);
impl Distinct {
    pub fn insert(&mut self, hash: u64) { if self.0.len() < 65536 { self.0.insert(hash); } }
    pub fn count(&self) -> u64 { self.0.len() as u64 }
}
