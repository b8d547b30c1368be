//! libjpeg, and what it has to say.
//!
//! It takes what is missing for grey, and what it does not understand for something else, and only
//! warns. Its callbacks are given nothing of ours, and do not tell which warning it is; but a thread
//! decodes one picture at a time.

use crate::sinks::thumbnail::format::Damage;
use crate::sinks::thumbnail::parts::Parts;
use mozjpeg::decompress::DecompressStarted;
use mozjpeg::{Decompress, Marker};
use mozjpeg_sys::{jpeg_common_struct, jpeg_error_mgr, msg_parm_union};
use std::cell::Cell;
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;

/// What stands before the pixels and matters here: Exif and the colour profile.
const MARKERS: &[Marker] = &[Marker::APP(1), Marker::APP(2)];

/// The end of a picture.
const END: &[u8] = b"\xff\xd9";

/// What it warned of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Warnings {
    /// Something that may be missing among the pixels.
    pub(super) of_pixels: bool,
    /// Something in headers, or behind the last pixel.
    pub(super) of_others: bool,
}

thread_local! {
    static WARNINGS: Cell<Warnings> = const {
        Cell::new(Warnings { of_pixels: false, of_others: false })
    };
    static AT_PIXELS: Cell<bool> = const { Cell::new(false) };
}

/// libjpeg has given up.
struct GaveUp;

/// A decoder of a file.
pub(super) type Decoder<'p> = Decompress<Parts<'p>>;

/// Runs it on a picture that ends here, and tells what it warned of.
pub(super) fn run<T>(
    picture: &[u8],
    work: impl FnOnce(Decoder<'_>) -> Result<T, Damage>,
) -> Result<(T, Warnings), Damage> {
    WARNINGS.take();
    AT_PIXELS.set(false);
    let done = caught(|| {
        let decoder = Decompress::with_err(callbacks()).with_markers(MARKERS);
        let decoder = decoder.from_reader(Parts::new([picture, END, &[]]));
        work(decoder.map_err(|_| Damage::Damaged)?)
    });
    let done = done.unwrap_or(Err(Damage::Damaged))?;
    Ok((done, WARNINGS.take()))
}

/// What it warns of here concerns the pixels.
pub(super) fn at_pixels<T>(work: impl FnOnce() -> T) -> T {
    AT_PIXELS.set(true);
    let done = work();
    AT_PIXELS.set(false);
    done
}

/// Reads on to the end. All pixels are there: what stands behind them changes nothing any more.
pub(super) fn finish(decoder: DecompressStarted<Parts<'_>>) {
    if caught(|| decoder.finish().is_ok()) != Some(true) {
        heard();
    }
}

/// What libjpeg did; nothing where it gave up.
fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => Some(done),
        Err(thrown) if thrown.is::<GaveUp>() => None,
        Err(panic) => resume_unwind(panic),
    }
}

fn heard() {
    let mut warnings = WARNINGS.get();
    match AT_PIXELS.get() {
        true => warnings.of_pixels = true,
        false => warnings.of_others = true,
    }
    WARNINGS.set(warnings);
}

fn callbacks() -> jpeg_error_mgr {
    jpeg_error_mgr {
        error_exit: Some(give_up),
        emit_message: Some(judge),
        output_message: Some(do_nothing),
        format_message: Some(say_nothing),
        reset_error_mgr: Some(do_nothing),
        msg_code: 0,
        msg_parm: msg_parm_union::default(),
        trace_level: 0,
        num_warnings: 0,
        jpeg_message_table: ptr::null(),
        last_jpeg_message: 0,
        addon_message_table: ptr::null(),
        first_addon_message: 0,
        last_addon_message: 0,
    }
}

/// The C code wants never to come back from here. This is no panic: nobody is told of it.
extern "C-unwind" fn give_up(_: &mut jpeg_common_struct) {
    resume_unwind(Box::new(GaveUp));
}

/// What is below zero is a warning, what is not a trace.
extern "C-unwind" fn judge(_: &mut jpeg_common_struct, level: c_int) {
    if level < 0 {
        heard();
    }
}

extern "C-unwind" fn do_nothing(_: &mut jpeg_common_struct) {}

extern "C-unwind" fn say_nothing(_: &mut jpeg_common_struct, _: &[u8; 80]) {}
