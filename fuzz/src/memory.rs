//! No input may cause a large allocation: whoever asks for one has found something.

#![allow(unsafe_code)] // an allocator cannot be written without it

use std::alloc::{GlobalAlloc, Layout, System};

/// The largest allocation, in bytes. Every input is much smaller.
const LARGEST: usize = 64 * 1024 * 1024;

struct Limited;

#[global_allocator]
static LIMITED: Limited = Limited;

// SAFETY: all is passed on to the system's allocator, or the process ends.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        refuse_large(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        refuse_large(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        refuse_large(size);
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }
}

fn refuse_large(size: usize) {
    if size > LARGEST {
        eprintln!("an allocation of {size} bytes");
        std::process::abort();
    }
}
