//! The messages of an ONNX file that we write, by their numbers in `onnx.proto` (IR version 8), in the encoding of protocol
//! buffers (protobuf.dev/programming-guides/encoding): a field is its number and type, then a varint, four bytes, or a length
//! and so many bytes.

/// `TensorProto.DataType`.
pub(super) const FLOAT: i64 = 1;
pub(super) const INT64: i64 = 7;
pub(super) const STRING: i64 = 8;
pub(super) const BOOL: i64 = 9;
pub(super) const DOUBLE: i64 = 11;

/// A message: its fields, as they are written.
#[derive(Clone, Debug, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// An `int64`, `int32` or `enum`.
    pub fn whole(mut self, field: u32, value: i64) -> Self {
        self.varint(u64::from(field << 3));
        self.varint(value as u64);
        self
    }

    /// A `float`.
    pub fn float(mut self, field: u32, value: f32) -> Self {
        self.varint(u64::from(field << 3 | 5));
        self.0.extend(value.to_le_bytes());
        self
    }

    /// A `string`, `bytes` or message.
    pub fn part(mut self, field: u32, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        self.varint(u64::from(field << 3 | 2));
        self.varint(part.len() as u64);
        self.0.extend(part);
        self
    }

    /// A repeated field.
    pub fn each<T>(self, values: impl IntoIterator<Item = T>, field: impl Fn(Self, T) -> Self) -> Self {
        values.into_iter().fold(self, field)
    }

    fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// What is written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// `AttributeProto` of an `int`.
pub(super) fn whole(name: &str, value: i64) -> Message {
    Message::default().part(1, name).whole(3, value).whole(20, 2)
}

/// `AttributeProto` of a `float`.
pub(super) fn float(name: &str, value: f32) -> Message {
    Message::default().part(1, name).float(2, value).whole(20, 1)
}

/// `AttributeProto` of `floats`.
pub(super) fn floats(name: &str, values: &[f32]) -> Message {
    Message::default().part(1, name).each(values, |message, &value| message.float(7, value)).whole(20, 6)
}

/// `AttributeProto` of `ints`.
pub(super) fn ints(name: &str, values: &[i64]) -> Message {
    Message::default().part(1, name).each(values, |message, &value| message.whole(8, value)).whole(20, 7)
}

/// `AttributeProto` of `strings`.
pub(super) fn strings(name: &str, values: &[&str]) -> Message {
    Message::default().part(1, name).each(values, |message, value| message.part(9, value)).whole(20, 8)
}

/// `NodeProto`: an operator of a domain, from values to values.
pub(super) fn node(op: &str, domain: &str, inputs: &[&str], attributes: &[Message], outputs: &[&str]) -> Message {
    let node = Message::default().each(inputs, |message, input| message.part(1, input));
    let node = node.each(outputs, |message, output| message.part(2, output)).part(4, op);
    node.each(attributes, |message, attribute| message.part(5, attribute)).part(7, domain)
}

/// `TensorProto`: numbers as their bytes, little endian.
pub(super) fn tensor(name: &str, shape: &[usize], of: i64, bytes: &[u8]) -> Message {
    Message::default()
        .each(shape, |message, &size| message.whole(1, size as i64))
        .whole(2, of)
        .part(8, name)
        .part(9, bytes)
}

/// `ValueInfoProto` of rows; without a width each is a single thing.
pub(super) fn rows(name: &str, of: i64, width: Option<usize>) -> Message {
    let shape = Message::default()
        .part(1, Message::default().part(2, "rows"))
        .each(width, |message, width| message.part(1, Message::default().whole(1, width as i64)));
    let tensor = Message::default().whole(1, of).part(2, shape);
    Message::default().part(1, name).part(2, Message::default().part(1, tensor))
}

/// `OperatorSetIdProto`.
pub(super) fn operators(domain: &str, version: i64) -> Message {
    Message::default().part(1, domain).whole(2, version)
}

/// `StringStringEntryProto`.
pub(super) fn entry(key: &str, value: &str) -> Message {
    Message::default().part(1, key).part(2, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_encoded_as_the_guide_has_them() {
        // 150 in field 1 and "testing" in field 2 are its examples.
        let message = Message::default().whole(1, 150).part(2, "testing").float(3, 1.0).whole(20, -1);
        let mut expected = vec![0x08, 0x96, 0x01, 0x12, 0x07];
        expected.extend(b"testing");
        expected.extend([0x1d, 0, 0, 0x80, 0x3f, 0xa0, 0x01]);
        expected.extend([0xff; 9]);
        expected.push(0x01);
        assert_eq!(message.into_bytes(), expected);
    }
}
