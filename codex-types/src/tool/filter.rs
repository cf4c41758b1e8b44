//! Conditions on the attributes of files.

use alloc::string::String;
use alloc::vec::Vec;

use crate::RawJson;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::tagged;

tagged! {
    /// A condition on the attributes of a file.
    pub enum Filter {
        /// A comparison of one attribute: API object `ComparisonFilter`.
        "eq" | "ne" | "gt" | "gte" | "lt" | "lte" | "in" | "nin" => Comparison(ComparisonFilter),
        /// A combination of conditions: API object `CompoundFilter`.
        "and" | "or" => Compound(CompoundFilter),
    }
}

object! {
    /// A comparison of one attribute.
    pub struct ComparisonFilter {
        required {
            /// The operator.
            operator as "type": ComparisonOperator,
            /// The attribute.
            key: String,
            /// The value: a string, number, boolean, or a list of strings and numbers.
            value: RawJson,
        }
    }
}

open_enum! {
    /// A comparison operator.
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
        /// Not in a list.
        NotIn = "nin",
    }
}

object! {
    /// A combination of conditions.
    pub struct CompoundFilter {
        required {
            /// Whether all or at least one must hold.
            operator as "type": CompoundOperator,
            /// The conditions.
            filters: Vec<Filter>,
        }
    }
}

open_enum! {
    /// The operator of a combination: whether all or at least one of the conditions must hold.
    pub enum CompoundOperator {
        /// All.
        And = "and",
        /// At least one.
        Or = "or",
    }
}
