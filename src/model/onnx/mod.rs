//! Graphs in the Open Neural Network Exchange format (onnx.ai, operator set 17, `ai.onnx.ml` 2), put together as formulas.
//!
//! Values are double, for what is compared to 1e-5 after a calibration was bent by it wants more than a float; what our
//! detectors compute in `f32` is computed in float, so that a row goes down a tree the same way. Trees are plain gathers
//! rather than a TreeEnsembleRegressor, which sums in float and knows no sloped cuts.

mod curve;
mod proto;

use std::cell::RefCell;
use std::ops::{Add, Div, Mul, Sub};

use proto::Message;

/// What a tensor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Float,
    Double,
    Integer,
    Truth,
    Text,
}

impl Of {
    fn number(self) -> i64 {
        match self {
            Of::Float => proto::FLOAT,
            Of::Double => proto::DOUBLE,
            Of::Integer => proto::INT64,
            Of::Truth => proto::BOOL,
            Of::Text => proto::STRING,
        }
    }
}

/// A graph that is being put together.
#[derive(Default)]
pub(super) struct Graph(RefCell<Parts>);

#[derive(Default)]
struct Parts {
    nodes: Vec<Message>,
    constants: Vec<Message>,
    inputs: Vec<Message>,
    outputs: Vec<Message>,
}

/// A tensor of a graph: rows, or numbers that all rows share.
#[derive(Clone)]
pub(super) struct Value<'g> {
    graph: &'g Graph,
    name: String,
}

impl Graph {
    /// Rows that the graph is given; without a width each is a single thing.
    pub fn input(&self, name: &str, of: Of, width: Option<usize>) -> Value<'_> {
        self.0.borrow_mut().inputs.push(proto::rows(name, of.number(), width));
        Value { graph: self, name: name.to_owned() }
    }

    /// Numbers, one a row as a column, that the graph may be given; else they are 0.
    pub fn optional(&self, name: &str) -> Value<'_> {
        let mut parts = self.0.borrow_mut();
        parts.inputs.push(proto::rows(name, Of::Float.number(), Some(1)));
        parts.constants.push(proto::tensor(name, &[1, 1], Of::Float.number(), &0.0_f32.to_le_bytes()));
        Value { graph: self, name: name.to_owned() }
    }

    /// A tensor that is given back under this name.
    pub fn output(&self, name: &str, value: &Value<'_>, of: Of, width: Option<usize>) {
        let mut parts = self.0.borrow_mut();
        parts.nodes.push(proto::node("Identity", "", &[&value.name], &[], &[name]));
        parts.outputs.push(proto::rows(name, of.number(), width));
    }

    /// Constants in double.
    pub fn doubles(&self, shape: &[usize], values: impl IntoIterator<Item = f64>) -> Value<'_> {
        self.constant(shape, Of::Double, values.into_iter().flat_map(f64::to_le_bytes).collect())
    }

    /// Constants in float.
    pub fn floats(&self, shape: &[usize], values: impl IntoIterator<Item = f32>) -> Value<'_> {
        self.constant(shape, Of::Float, values.into_iter().flat_map(f32::to_le_bytes).collect())
    }

    /// Whole constants.
    pub fn integers(&self, shape: &[usize], values: impl IntoIterator<Item = i64>) -> Value<'_> {
        self.constant(shape, Of::Integer, values.into_iter().flat_map(i64::to_le_bytes).collect())
    }

    /// A number in double.
    pub fn double(&self, value: f64) -> Value<'_> {
        self.doubles(&[], [value])
    }

    fn constant(&self, shape: &[usize], of: Of, bytes: Vec<u8>) -> Value<'_> {
        let constants = &mut self.0.borrow_mut().constants;
        let name = format!("c{}", constants.len());
        constants.push(proto::tensor(&name, shape, of.number(), &bytes));
        Value { graph: self, name }
    }

    /// Columns, one beside the other.
    pub fn beside<'g>(&'g self, columns: &[Value<'g>]) -> Value<'g> {
        self.node("Concat", "", &columns.iter().collect::<Vec<_>>(), &[proto::whole("axis", 1)])
    }

    /// How many rows there are, and so many columns: a shape.
    pub fn shape<'g>(&'g self, rows: &Value<'g>, columns: usize) -> Value<'g> {
        let count = rows.op("Shape").at(&self.integers(&[1], [0]), 0);
        self.node("Concat", "", &[&count, &self.integers(&[1], [columns as i64])], &[proto::whole("axis", 0)])
    }

    fn node(&self, op: &str, domain: &str, inputs: &[&Value<'_>], attributes: &[Message]) -> Value<'_> {
        self.node_beside(op, domain, inputs, attributes, None)
    }

    /// An operator that gives something beside its value, by the name of that, which nobody asks for.
    fn node_beside(
        &self,
        op: &str,
        domain: &str,
        inputs: &[&Value<'_>],
        attributes: &[Message],
        beside: Option<&str>,
    ) -> Value<'_> {
        let nodes = &mut self.0.borrow_mut().nodes;
        let name = format!("v{}", nodes.len());
        let inputs: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
        let beside = beside.map(|beside| format!("{name}_{beside}"));
        let outputs: Vec<&str> = [&name].into_iter().chain(&beside).map(String::as_str).collect();
        nodes.push(proto::node(op, domain, &inputs, attributes, &outputs));
        Value { graph: self, name }
    }

    /// The file: the graph with a word about it, and what else is to be known, by name.
    pub fn finish(self, about: &str, facts: &[(&str, String)]) -> Vec<u8> {
        let Parts { nodes, constants, inputs, outputs } = self.0.into_inner();
        let graph = Message::default()
            .each(nodes, |graph, node| graph.part(1, node))
            .part(2, "tidewatch")
            .each(constants, |graph, constant| graph.part(5, constant))
            .each(inputs, |graph, input| graph.part(11, input))
            .each(outputs, |graph, output| graph.part(12, output));
        let model = Message::default()
            .whole(1, 8)
            .part(2, "tidewatch")
            .part(3, env!("CARGO_PKG_VERSION"))
            .part(6, about)
            .part(7, graph)
            .part(8, proto::operators("", 17))
            .part(8, proto::operators("ai.onnx.ml", 2))
            .each(facts, |model, (key, value)| model.part(14, proto::entry(key, value)));
        model.into_bytes()
    }
}

impl<'g> Value<'g> {
    /// The graph that it is of.
    pub fn graph(&self) -> &'g Graph {
        self.graph
    }

    /// An operator of this value alone.
    pub fn op(&self, op: &str) -> Value<'g> {
        self.op_with(op, &[], &[])
    }

    /// An operator of this value and another.
    pub fn with(&self, op: &str, other: &Value<'g>) -> Value<'g> {
        self.op_with(op, &[other], &[])
    }

    fn op_with(&self, op: &str, others: &[&Value<'g>], attributes: &[Message]) -> Value<'g> {
        self.graph.node(op, "", &[&[self], others].concat(), attributes)
    }

    /// The same in another type.
    pub fn to(&self, of: Of) -> Value<'g> {
        self.op_with("Cast", &[], &[proto::whole("to", of.number())])
    }

    /// `one` where this is true, else `other`.
    pub fn choose(&self, one: &Value<'g>, other: &Value<'g>) -> Value<'g> {
        self.op_with("Where", &[one, other], &[])
    }

    /// The sum over an axis, which stays as one.
    pub fn sum(&self, axis: i64) -> Value<'g> {
        let axes = self.graph.integers(&[1], [axis]);
        self.with("ReduceSum", &axes)
    }

    /// The least of each row's values, as a column.
    pub fn least(&self) -> Value<'g> {
        self.reduce("ReduceMin")
    }

    /// So many of the least of each row's values, from the least on.
    pub fn lowest(&self, count: usize) -> Value<'g> {
        let count = self.graph.integers(&[1], [count as i64]);
        let attributes = [proto::whole("axis", 1), proto::whole("largest", 0)];
        self.graph.node_beside("TopK", "", &[self, &count], &attributes, Some("places"))
    }

    /// The largest of each row's values, as a column.
    pub fn largest(&self) -> Value<'g> {
        self.reduce("ReduceMax")
    }

    fn reduce(&self, op: &str) -> Value<'g> {
        self.op_with(op, &[], &[proto::ints("axes", &[1])])
    }

    /// The norm of order 4 of each row's values, as a column.
    pub fn norm4(&self) -> Value<'g> {
        let squares = self * self;
        (&squares * &squares).sum(1).op("Sqrt").op("Sqrt")
    }

    /// ln(1 + x), without loss where x is small (Goldberg: What Every Computer Scientist Should Know About Floating-Point
    /// Arithmetic, 1991, theorem 4).
    pub fn ln_1p(&self) -> Value<'g> {
        let one = self.graph.double(1.0);
        let whole = self + &one;
        let kept = &whole - one;
        let is_lost = kept.with("Equal", &self.graph.double(0.0));
        is_lost.choose(self, &(self * whole.op("Log") / kept))
    }

    /// What stands at these places of an axis.
    pub fn at(&self, places: &Value<'g>, axis: i64) -> Value<'g> {
        self.op_with("Gather", &[places], &[proto::whole("axis", axis)])
    }

    /// What stands in these columns of each row, which may be others in each.
    pub fn in_columns(&self, columns: &Value<'g>) -> Value<'g> {
        self.op_with("GatherElements", &[columns], &[proto::whole("axis", 1)])
    }

    /// One more axis.
    pub fn unsqueeze(&self, axis: i64) -> Value<'g> {
        let axes = self.graph.integers(&[1], [axis]);
        self.with("Unsqueeze", &axes)
    }

    /// Without an axis of one.
    pub fn squeeze(&self, axis: i64) -> Value<'g> {
        let axes = self.graph.integers(&[1], [axis]);
        self.with("Squeeze", &axes)
    }

    /// Which of these texts each is, by its place, or 0 if it is none of them; and whether it is none, as a column.
    pub fn place_among<'a>(&self, known: impl Iterator<Item = &'a String>) -> (Value<'g>, Value<'g>) {
        let places = known.enumerate().map(|(place, text)| (text.as_str(), place as f32));
        let place = self.look_up(places, -1.0).to(Of::Integer);
        let zero = self.graph.integers(&[], [0]);
        let is_none = place.with("Less", &zero).unsqueeze(1);
        (place.with("Max", &zero), is_none)
    }

    /// Texts as numbers; other texts as `other`.
    pub fn look_up<'a>(&self, known: impl IntoIterator<Item = (&'a str, f32)>, other: f32) -> Value<'g> {
        let (keys, values): (Vec<&str>, Vec<f32>) = known.into_iter().unzip();
        let attributes = [
            proto::strings("keys_strings", &keys),
            proto::floats("values_floats", &values),
            proto::float("default_float", other),
        ];
        self.graph.node("LabelEncoder", "ai.onnx.ml", &[self], &attributes)
    }
}

macro_rules! arithmetic {
    ($($trait:ident $method:ident $op:literal),*) => {$(
        impl<'g> $trait<&Value<'g>> for &Value<'g> {
            type Output = Value<'g>;
            fn $method(self, other: &Value<'g>) -> Value<'g> {
                self.with($op, other)
            }
        }
        impl<'g> $trait<Value<'g>> for &Value<'g> {
            type Output = Value<'g>;
            fn $method(self, other: Value<'g>) -> Value<'g> {
                self.with($op, &other)
            }
        }
        impl<'g> $trait<&Value<'g>> for Value<'g> {
            type Output = Value<'g>;
            fn $method(self, other: &Value<'g>) -> Value<'g> {
                self.with($op, other)
            }
        }
        impl<'g> $trait<Value<'g>> for Value<'g> {
            type Output = Value<'g>;
            fn $method(self, other: Value<'g>) -> Value<'g> {
                self.with($op, &other)
            }
        }
    )*};
}

arithmetic!(Add add "Add", Sub sub "Sub", Mul mul "Mul", Div div "Div");
