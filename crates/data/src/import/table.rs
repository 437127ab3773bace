//! One Parquet file, written in groups of rows.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parquet::basic::{Compression, Encoding, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type};

use crate::DataError;
use crate::files::Draft;

/// Rows that are kept in memory until they are written.
const GROUP: usize = 1 << 17;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whole numbers that mostly rise: times, numbers of events.
    Rising,
    /// Whole numbers.
    Whole,
    /// Floats, for people.
    Real,
    /// One of the table's words, by its number.
    Word,
    /// Yes or no.
    Flag,
}

/// One value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    Whole(i64),
    Real(f64),
    Word(u16),
    Flag(bool),
}

/// Values that wait to be written.
enum Column {
    Whole(Vec<i64>),
    Real(Vec<f64>),
    Word(Vec<u16>),
    Flag(Vec<bool>),
}

/// A file that its Parquet writer writes to, and that is wanted back when it is complete.
struct Shared(Arc<Mutex<Draft>>);

impl Shared {
    fn draft(&self) -> MutexGuard<'_, Draft> {
        // Nobody else holds it, so nobody can have panicked while holding it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.draft().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.draft().flush()
    }
}

/// A table that is being written.
pub(super) struct TableWriter {
    writer: SerializedFileWriter<Shared>,
    file: Arc<Mutex<Draft>>,
    columns: Vec<Column>,
    words: Vec<ByteArray>,
    waiting: usize,
    rows: u64,
}

impl TableWriter {
    pub(super) fn create(
        path: &Path,
        columns: &[(&str, Kind)],
        words: &[String],
        metadata: &[(String, String)],
    ) -> Result<Self, DataError> {
        let file = Arc::new(Mutex::new(Draft::create(path)?));
        let wrong = |error: ParquetError| DataError::Record {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let schema = Arc::new(schema(columns).map_err(wrong)?);
        let properties = Arc::new(properties(columns, metadata));
        let writer = SerializedFileWriter::new(Shared(file.clone()), schema, properties);
        let empty = |kind: Kind| match kind {
            Kind::Rising | Kind::Whole => Column::Whole(Vec::with_capacity(GROUP)),
            Kind::Real => Column::Real(Vec::with_capacity(GROUP)),
            Kind::Word => Column::Word(Vec::with_capacity(GROUP)),
            Kind::Flag => Column::Flag(Vec::with_capacity(GROUP)),
        };
        Ok(Self {
            writer: writer.map_err(wrong)?,
            file,
            columns: columns.iter().map(|(_, kind)| empty(*kind)).collect(),
            words: words.iter().map(|word| ByteArray::from(word.as_str())).collect(),
            waiting: 0,
            rows: 0,
        })
    }

    /// Add a row: a value for each column, in order.
    #[inline]
    pub(super) fn row(&mut self, values: &[Value]) -> Result<(), DataError> {
        for (column, value) in self.columns.iter_mut().zip(values) {
            match (column, *value) {
                (Column::Whole(all), Value::Whole(it)) => all.push(it),
                (Column::Real(all), Value::Real(it)) => all.push(it),
                (Column::Word(all), Value::Word(it)) => all.push(it),
                (Column::Flag(all), Value::Flag(it)) => all.push(it),
                // The columns would have different lengths, and the group would not be written.
                _ => {}
            }
        }
        self.rows = self.rows.saturating_add(1);
        self.waiting = self.waiting.saturating_add(1);
        if self.waiting >= GROUP { self.write_group() } else { Ok(()) }
    }

    #[cold]
    fn write_group(&mut self) -> Result<(), DataError> {
        self.waiting = 0;
        let Self { writer, columns, words, .. } = self;
        let written = write_columns(writer, columns, words);
        written.map_err(|error| failed(&self.file, &error))
    }

    /// Write what waits, and the end of the file. Its rows, and the file under its other name.
    pub(super) fn complete(mut self) -> Result<(u64, Draft), DataError> {
        if self.waiting > 0 {
            self.write_group()?;
        }
        if let Err(error) = self.writer.finish() {
            return Err(failed(&self.file, &error));
        }
        let Self { writer, file, rows, .. } = self;
        drop(writer);
        let file = Arc::into_inner(file).and_then(|file| file.into_inner().ok());
        let lost = || DataError::Request("a table's file is still in use".to_owned());
        let mut draft = file.ok_or_else(lost)?;
        draft.complete()?;
        Ok((rows, draft))
    }
}

fn failed(file: &Mutex<Draft>, error: &ParquetError) -> DataError {
    let mut draft = file.lock().unwrap_or_else(PoisonError::into_inner);
    draft.failure(&error.to_string())
}

fn write_columns(
    writer: &mut SerializedFileWriter<Shared>,
    columns: &mut [Column],
    words: &[ByteArray],
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    for column in columns {
        let Some(mut target) = group.next_column()? else { break };
        match (column, target.untyped()) {
            (Column::Whole(all), ColumnWriter::Int64ColumnWriter(out)) => {
                out.write_batch(all, None, None)?;
                all.clear();
            }
            (Column::Real(all), ColumnWriter::DoubleColumnWriter(out)) => {
                out.write_batch(all, None, None)?;
                all.clear();
            }
            (Column::Flag(all), ColumnWriter::BoolColumnWriter(out)) => {
                out.write_batch(all, None, None)?;
                all.clear();
            }
            (Column::Word(all), ColumnWriter::ByteArrayColumnWriter(out)) => {
                let text = |word: &u16| words.get(usize::from(*word)).cloned().unwrap_or_default();
                let texts: Vec<_> = all.iter().map(text).collect();
                out.write_batch(&texts, None, None)?;
                all.clear();
            }
            _ => return Err(ParquetError::General("a column of another kind".to_owned())),
        }
        target.close()?;
    }
    group.close()?;
    Ok(())
}

fn schema(columns: &[(&str, Kind)]) -> Result<Type, ParquetError> {
    let field = |(name, kind): &(&str, Kind)| {
        let (physical, logical) = match kind {
            Kind::Rising | Kind::Whole => (Physical::INT64, None),
            Kind::Real => (Physical::DOUBLE, None),
            Kind::Word => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Flag => (Physical::BOOLEAN, None),
        };
        let field = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(logical);
        field.build().map(Arc::new)
    };
    let fields = columns.iter().map(field).collect::<Result<_, _>>()?;
    Type::group_type_builder("flyball").with_fields(fields).build()
}

fn properties(columns: &[(&str, Kind)], metadata: &[(String, String)]) -> WriterProperties {
    let pair = |(key, value): &(String, String)| KeyValue::new(key.clone(), value.clone());
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by("flyball".to_owned())
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_key_value_metadata(Some(metadata.iter().map(pair).collect()));
    for (name, kind) in columns {
        if *kind == Kind::Rising {
            let path = ColumnPath::from(*name);
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    properties.build()
}
