//! The pages of a Parquet row group, packed.
//!
//! Features are numbers that are written as they are. Polars would first look whether a dictionary of them pays, which it then
//! cannot make of floats, would hold all columns of a group side by side, and begin each page with a new compressor, which
//! takes longer than the page. So their pages are made here (parquet-format, "Data Pages"); those of all other columns are made by
//! polars.

use std::ops::Range;

use ndarray::{Axis, Slice};
use polars::prelude::{Column as Series, CompatLevel, PolarsError};
use polars_parquet::parquet::CowBuffer;
use polars_parquet::parquet::compression::Compression;
use polars_parquet::parquet::metadata::ColumnDescriptor;
use polars_parquet::parquet::page::{
    CompressedDataPage, CompressedPage, DataPageHeader, DataPageHeaderV1, FormatEncoding,
};
use polars_parquet::write::{
    CompressionOptions, Encoding, SchemaDescriptor, StatisticsOptions, Version, WriteOptions, array_to_columns,
    compress,
};
use zstd::bulk::Compressor;

use super::Matrix;
use super::writer::{keys, names, truth};

/// How every page is packed: the level at which zstd is fastest.
const LEVEL: i32 = 1;

/// Features that are taken out of the rows at once: those that share a line of the cache.
const STRIP: usize = 16;
/// Rows of which that is done at once: they fit into a processor's nearest cache.
const BLOCK: usize = 128;

type Result<T> = std::result::Result<T, PolarsError>;

/// Makes pages, in memory that is used again.
pub(super) struct Pages {
    packer: Compressor<'static>,
    /// The pages of a strip of features, before they are packed.
    strip: [Vec<u8>; STRIP],
}

impl Pages {
    pub fn new() -> Result<Self> {
        let packer = Compressor::new(LEVEL).map_err(PolarsError::from)?;
        Ok(Self { packer, strip: Default::default() })
    }

    /// The pages of all columns of some rows.
    pub fn of(
        &mut self,
        matrix: &Matrix,
        rows: Range<usize>,
        file: &SchemaDescriptor,
    ) -> Result<Vec<Vec<CompressedPage>>> {
        let (keys, truth) = (keys(matrix, rows.clone()), truth(matrix, rows.clone()));
        let mut pages = Vec::with_capacity(file.columns().len());
        let fields = file.fields();
        let (before, behind) = (keys.len(), keys.len() + matrix.schema.columns.len());
        for (column, field) in keys.iter().zip(fields) {
            pages.push(by_polars(column, field)?);
        }
        let (features, fields_behind) = (before..behind, fields.get(behind..).unwrap_or_default());
        for start in features.clone().step_by(STRIP) {
            let strip = start..(start + STRIP).min(features.end);
            self.turn(matrix, rows.clone(), strip.start - before..strip.end - before);
            for (column, raw) in strip.zip(&self.strip) {
                let categorical = matrix.schema.columns.get(column - before).is_some_and(|column| column.categorical);
                pages.push(match (file.columns().get(column), fields.get(column)) {
                    (Some(_), Some(field)) if categorical => {
                        by_polars(&names(matrix, column - before, rows.clone()), field)?
                    }
                    (Some(described), _) => vec![plain(&mut self.packer, raw, rows.len(), described)?],
                    _ => Vec::new(),
                });
            }
        }
        for (column, field) in truth.iter().zip(fields_behind) {
            pages.push(by_polars(column, field)?);
        }
        Ok(pages)
    }

    /// Makes unpacked pages of these features of some rows.
    fn turn(&mut self, matrix: &Matrix, rows: Range<usize>, features: Range<usize>) {
        let levels = all_there(rows.len());
        for page in &mut self.strip {
            page.clear();
            page.extend_from_slice(&levels);
            page.resize(levels.len() + size_of::<f32>() * rows.len(), 0);
        }
        let values = matrix.values.slice_axis(Axis(0), Slice::from(rows));
        let values = values.slice_axis(Axis(1), Slice::from(features));
        for (start, block) in (0..).step_by(BLOCK).zip(values.axis_chunks_iter(Axis(0), BLOCK)) {
            for (page, column) in self.strip.iter_mut().zip(block.columns()) {
                let (room, _) = page[levels.len()..].as_chunks_mut();
                room.iter_mut().skip(start).zip(column).for_each(|(to, from)| *to = from.to_le_bytes());
            }
        }
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

fn plain(packer: &mut Compressor<'_>, raw: &[u8], rows: usize, column: &ColumnDescriptor) -> Result<CompressedPage> {
    let header = DataPageHeaderV1 {
        num_values: rows as i32,
        encoding: FormatEncoding::PLAIN,
        definition_level_encoding: FormatEncoding::RLE,
        repetition_level_encoding: FormatEncoding::RLE,
        statistics: None,
    };
    let packed = packer.compress(raw).map_err(PolarsError::from)?;
    Ok(CompressedPage::Data(CompressedDataPage::new(
        DataPageHeader::V1(header),
        CowBuffer::Owned(packed),
        Compression::Zstd,
        raw.len(),
        column.descriptor.clone(),
        rows,
    )))
}

/// The pages of a column that is no feature.
fn by_polars(column: &Series, field: &polars_parquet::write::ParquetType) -> Result<Vec<CompressedPage>> {
    let options = WriteOptions {
        statistics: StatisticsOptions::empty(),
        version: Version::V1,
        compression: CompressionOptions::Zstd(None),
        data_page_size: None,
    };
    let array = column.as_materialized_series().rechunk().to_arrow(0, CompatLevel::newest());
    let pages = array_to_columns(array, field.clone(), options, &[Encoding::RleDictionary])?;
    pages.into_iter().flatten().map(|page| Ok(compress(page?, Vec::new(), options.compression)?)).collect()
}
