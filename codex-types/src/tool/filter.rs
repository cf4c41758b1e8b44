//! Conditions on the attributes of files.

use alloc::string::String;
use alloc::vec::Vec;

use crate::RawJson;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::{from_variants, tagged};

tagged! {
    /// A condition on the attributes of a file.
    pub enum Filter {
        /// On one attribute: API object `ComparisonFilter`.
        "eq" | "ne" | "gt" | "gte" | "lt" | "lte" | "in" | "nin" => Comparison(ComparisonFilter),
        /// On several: API object `CompoundFilter`.
        "and" | "or" => Compound(CompoundFilter),
    }
}

from_variants!(Filter {
    Comparison(ComparisonFilter),
    Compound(CompoundFilter),
});

object! {
    /// A condition on one attribute.
    pub struct ComparisonFilter {
        required {
            /// How attribute and value have to compare.
            operator as "type": ComparisonOperator,
            /// The attribute.
            key: String,
            /// The value: text, number, boolean, or a list of text and numbers.
            value: RawJson,
        }
    }
}

open_enum! {
    /// How an attribute and a value have to compare.
    pub enum ComparisonOperator {
        /// Equal.
        Equal = "eq",
        /// Not equal.
        NotEqual = "ne",
        /// Greater.
        Greater = "gt",
        /// Greater or equal.
        GreaterOrEqual = "gte",
        /// Less.
        Less = "lt",
        /// Less or equal.
        LessOrEqual = "lte",
        /// One of a list.
        In = "in",
        /// None of a list.
        NotIn = "nin",
    }
}

object! {
    /// Several conditions.
    pub struct CompoundFilter {
        required {
            /// Whether all or one of them have to hold.
            operator as "type": CompoundOperator,
            /// The conditions.
            filters: Vec<Filter>,
        }
    }
}

open_enum! {
    /// Whether all or one of several conditions have to hold.
    pub enum CompoundOperator {
        /// All.
        And = "and",
        /// At least one.
        Or = "or",
    }
}
