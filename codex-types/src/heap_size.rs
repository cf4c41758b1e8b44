//! The memory that a value holds.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// A value that reports how many bytes it holds outside of itself.
///
/// All wire types implement it, so that a program can limit the memory of the values it keeps. The
/// size is the sum of the requested allocation sizes, including spare capacity. The overhead of the
/// allocator, usually 8 to 16 bytes per allocation, is not included. The cost grows with the number
/// of fields and elements, not with the length of texts.
///
/// ```
/// use codex_types::{HeapSize, OutputItem, RawJson};
///
/// let raw = RawJson::parse(r#"{"type":"function_call","name":"f","arguments":"{}","mood":7}"#)?;
/// let item: OutputItem = raw.decode()?;
/// let memory = size_of::<OutputItem>() + item.heap_size();
/// assert!(memory < 500);
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
pub trait HeapSize {
    /// Returns the number of bytes that the value holds outside of itself.
    fn heap_size(&self) -> usize;
}

macro_rules! no_heap {
    ($($type:ty),*) => {
        $(impl HeapSize for $type {
            fn heap_size(&self) -> usize {
                0
            }
        })*
    };
}

no_heap!(bool, u16, u32, u64, i64, str);

impl HeapSize for String {
    fn heap_size(&self) -> usize {
        self.capacity()
    }
}

impl<T: HeapSize> HeapSize for Vec<T> {
    fn heap_size(&self) -> usize {
        let mut size = self.capacity() * size_of::<T>();
        for element in self {
            size += element.heap_size();
        }
        size
    }
}

impl<T: HeapSize + ?Sized> HeapSize for Box<T> {
    fn heap_size(&self) -> usize {
        size_of_val(&**self) + (**self).heap_size()
    }
}

impl<T: HeapSize> HeapSize for Option<T> {
    fn heap_size(&self) -> usize {
        match self {
            Some(value) => value.heap_size(),
            None => 0,
        }
    }
}

impl<A: HeapSize, B: HeapSize> HeapSize for (A, B) {
    fn heap_size(&self) -> usize {
        self.0.heap_size() + self.1.heap_size()
    }
}
