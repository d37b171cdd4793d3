//! The pages of a Parquet row group, packed.
//!
//! Features are numbers that are written as they are. Polars would first look whether a dictionary of them pays, which it then
//! cannot make of floats, would hold all columns of a group side by side, and begin each page with a new compressor, which
//! takes longer than the page. So their pages are made here (parquet-format, "Data Pages"); those of all other columns are made by
//! polars.

use std::sync::{Mutex, PoisonError};

use polars::prelude::{Column as Series, CompatLevel, PolarsError};
use polars_parquet::parquet::CowBuffer;
use polars_parquet::parquet::compression::{Compression, ZstdLevel};
use polars_parquet::parquet::metadata::ColumnDescriptor;
use polars_parquet::parquet::page::{
    CompressedDataPage, CompressedPage, DataPageHeader, DataPageHeaderV1, FormatEncoding,
};
use polars_parquet::write::{
    CompressionOptions, Encoding, ParquetType, SchemaDescriptor, StatisticsOptions, Version, WriteOptions,
    array_to_columns, compress,
};
use rayon::prelude::*;
use zstd::bulk::Compressor;
use zstd::zstd_safe::compress_bound;

use super::group::Group;

/// How pages are packed: as fast as zstd can without giving up on numbers. Names do not come out larger for it.
const LEVEL: i32 = 1;

type Result<T> = std::result::Result<T, PolarsError>;

/// Makes pages, in memory that is used again.
#[derive(Default)]
pub(super) struct Pages {
    /// Those that nobody packs with.
    packers: Mutex<Vec<Packer>>,
}

impl Pages {
    /// The pages of all columns, which all threads make.
    pub fn of(&self, group: &Group, file: &SchemaDescriptor) -> Result<Vec<Vec<CompressedPage>>> {
        let (keys, last) = (group.keys(), [group.truth(), group.sighted()].concat());
        let (first, behind) = (keys.len(), keys.len() + group.schema.columns.len());
        let pages = |place: usize| {
            let field = &file.fields()[place];
            if place < first {
                by_polars(&keys[place], field)
            } else if place >= behind {
                by_polars(&last[place - behind], field)
            } else if group.schema.columns[place - first].categorical {
                by_polars(&group.names(place - first), field)
            } else {
                let idle = self.packers.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let mut packer = idle.map_or_else(Packer::new, Ok)?;
                let page = packer.page(group.feature(place - first), &file.columns()[place])?;
                self.packers.lock().unwrap_or_else(PoisonError::into_inner).push(packer);
                Ok(vec![page])
            }
        };
        let places = 0..file.columns().len();
        // One of the pool's threads has others beside it that have work of their own.
        if rayon::current_num_threads() == 1 || rayon::current_thread_index().is_some() {
            places.map(pages).collect()
        } else {
            places.into_par_iter().map(pages).collect()
        }
    }
}

/// Makes one page after the other.
struct Packer {
    compressor: Compressor<'static>,
    /// A page before it is packed, and packed.
    raw: Vec<u8>,
    packed: Vec<u8>,
}

impl Packer {
    fn new() -> Result<Self> {
        let compressor = Compressor::new(LEVEL).map_err(PolarsError::from)?;
        Ok(Self { compressor, raw: Vec::new(), packed: Vec::new() })
    }

    /// The page of a feature.
    fn page(&mut self, values: &[f32], column: &ColumnDescriptor) -> Result<CompressedPage> {
        let header = DataPageHeaderV1 {
            num_values: values.len() as i32,
            encoding: FormatEncoding::PLAIN,
            definition_level_encoding: FormatEncoding::RLE,
            repetition_level_encoding: FormatEncoding::RLE,
            statistics: None,
        };
        self.raw.clear();
        self.raw.extend(all_there(values.len()));
        let head = self.raw.len();
        self.raw.resize(head + size_of_val(values), 0);
        // Chunk by chunk is a copy to the compiler; byte by byte is not.
        for (bytes, value) in self.raw[head..].chunks_exact_mut(size_of::<f32>()).zip(values) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        // Packed where there is room for the worst: what is kept asks for no more than it is.
        self.packed.clear();
        self.packed.reserve(compress_bound(self.raw.len()));
        self.compressor.compress_to_buffer(&self.raw, &mut self.packed).map_err(PolarsError::from)?;
        Ok(CompressedPage::Data(CompressedDataPage::new(
            DataPageHeader::V1(header),
            CowBuffer::Owned(self.packed.clone()),
            Compression::Zstd,
            self.raw.len(),
            column.descriptor.clone(),
            values.len(),
        )))
    }
}

/// The definition levels of a page in which no value is missing: their length in bytes, then one run of ones (parquet-format,
/// "RLE / Bit-Packing Hybrid").
fn all_there(rows: usize) -> Vec<u8> {
    let mut run = Vec::new();
    let mut header = rows << 1;
    while header >= 0x80 {
        run.push(header as u8 | 0x80);
        header >>= 7;
    }
    run.extend([header as u8, 1]);
    [&(run.len() as u32).to_le_bytes(), run.as_slice()].concat()
}

/// The pages of a column that is no feature.
fn by_polars(column: &Series, field: &ParquetType) -> Result<Vec<CompressedPage>> {
    let options = WriteOptions {
        statistics: StatisticsOptions::empty(),
        version: Version::V1,
        compression: CompressionOptions::Zstd(ZstdLevel::try_new(LEVEL).ok()),
        data_page_size: None,
    };
    let array = column.as_materialized_series().rechunk().to_arrow(0, CompatLevel::newest());
    let pages = array_to_columns(array, field.clone(), options, &[Encoding::RleDictionary])?;
    pages.into_iter().flatten().map(|page| Ok(compress(page?, Vec::new(), options.compression)?)).collect()
}
