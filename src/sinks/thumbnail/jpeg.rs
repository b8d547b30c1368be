//! JPEG by libjpeg, which leaves out while it decodes what a thumbnail does not need.
//!
//! libjpeg takes what is broken for grey and only warns; here such a picture is refused.

use super::fit::{Cut, Size};
use super::means::{self, Means};
use super::picture::{Damage, Facts, KEPT_PROFILE};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use mozjpeg::decompress::DecompressStarted;
use mozjpeg::{ColorSpace, CompInfo, CompInfoExt as _, Decompress, Marker};
use mozjpeg_sys::{jpeg_common_struct, jpeg_error_mgr, msg_parm_union};
use std::cell::Cell;
use std::ffi::c_int;
use std::io::{self, BufRead, Read};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;

/// More scans than a progressive picture has: each of them costs a walk over all of it, and takes a
/// few bytes. (libjpeg-turbo's notes on such files recommend a limit; its own tests take 500.)
const MOST_SCANS: usize = 100;

/// What its headers say. Nothing is decoded.
pub(super) fn look(bytes: &[u8]) -> Result<Facts, Damage> {
    guarded(bytes, |decoder| {
        let size = size(decoder.size()).ok_or(Damage::Damaged)?;
        let scans = Scans::of(bytes);
        if scans.count > MOST_SCANS {
            return Err(Damage::Bomb);
        }
        Ok(Facts {
            size,
            orientation: orientation(&decoder).unwrap_or(Orientation::NoTransforms),
            profile: profile(&decoder),
            held: if scans.are_held { coefficients(&decoder) } else { 0 },
            bytes_per_pixel: decoder.components().len() as u64,
        })
    })
}

/// Decodes so many eighths of it.
pub(super) fn decode(bytes: &[u8], cut: &Cut) -> Result<DynamicImage, Damage> {
    guarded(bytes, |mut decoder| {
        if cut.eighths() == 1
            && let Some(picture) = quickly(bytes, &decoder)
        {
            return Ok(picture);
        }
        decoder.scale(cut.eighths());
        let inverted = is_adobe(&decoder);
        // What it has to complain of in headers and behind the last pixel changes no pixel.
        STRICT.set(true);
        let mut decoder = match decoder.color_space() {
            ColorSpace::JCS_GRAYSCALE => decoder.grayscale(),
            ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK => {
                decoder.to_colorspace(ColorSpace::JCS_CMYK)
            }
            _ => decoder.rgb(),
        }
        .map_err(|_| Damage::Damaged)?;
        let pixels = decoder.read_scanlines::<u8>().map_err(|_| Damage::Damaged)?;
        STRICT.set(false);
        let picture = picture(&decoder, pixels, inverted).ok_or(Damage::Damaged)?;
        decoder.finish().map_err(|_| Damage::Damaged)?;
        Ok(picture)
    })
}

/// An eighth of it, where it is of the common kind and in good order.
fn quickly<R>(bytes: &[u8], decoder: &Decompress<R>) -> Option<DynamicImage> {
    let is_known =
        matches!(decoder.color_space(), ColorSpace::JCS_GRAYSCALE | ColorSpace::JCS_YCbCr);
    let Means { size: Size { width, height }, is_grey, samples } =
        is_known.then(|| means::of(bytes)).flatten()?;
    match is_grey {
        true => GrayImage::from_raw(width, height, samples).map(DynamicImage::ImageLuma8),
        false => RgbImage::from_raw(width, height, samples).map(DynamicImage::ImageRgb8),
    }
}

fn size((width, height): (usize, usize)) -> Option<Size> {
    Some(Size::new(width.try_into().ok()?, height.try_into().ok()?))
}

fn picture<R>(
    decoder: &DecompressStarted<R>,
    pixels: Vec<u8>,
    inverted: bool,
) -> Option<DynamicImage> {
    let Size { width, height } = size((decoder.width(), decoder.height()))?;
    match decoder.color_space() {
        ColorSpace::JCS_GRAYSCALE => {
            GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8)
        }
        ColorSpace::JCS_CMYK => RgbImage::from_raw(width, height, without_ink(pixels, inverted))
            .map(DynamicImage::ImageRgb8),
        _ => RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
    }
}

/// From ink to light. Adobe's programs write ink upside down, and say that it was them.
fn without_ink(mut pixels: Vec<u8>, inverted: bool) -> Vec<u8> {
    let light = |value: u8| u16::from(if inverted { value } else { 255 - value });
    let count = pixels.len() / 4;
    for at in 0..count {
        let black = light(pixels[4 * at + 3]);
        for channel in 0..3 {
            let value = (light(pixels[4 * at + channel]) * black + 127) / 255;
            pixels[3 * at + channel] = value as u8; // at most 255
        }
    }
    pixels.truncate(3 * count);
    pixels
}

/// What stands before the pixels and matters here: Exif, the colour profile, Adobe's own.
const MARKERS: &[Marker] = &[Marker::APP(1), Marker::APP(2), Marker::APP(14)];

fn marker<'d, R>(decoder: &'d Decompress<R>, marker: Marker, begins: &[u8]) -> Option<&'d [u8]> {
    let found = decoder.markers().filter(|one| one.marker == marker);
    found.filter_map(|one| one.data.strip_prefix(begins)).next()
}

fn orientation<R>(decoder: &Decompress<R>) -> Option<Orientation> {
    Orientation::from_exif_chunk(marker(decoder, Marker::APP(1), b"Exif\0\0")?)
}

fn is_adobe<R>(decoder: &Decompress<R>) -> bool {
    marker(decoder, Marker::APP(14), b"Adobe").is_some()
}

/// A profile in one piece. Of a picture whose colours become others it would be wrong.
fn profile<R>(decoder: &Decompress<R>) -> Option<Vec<u8>> {
    let inks = matches!(decoder.color_space(), ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK);
    let profile = marker(decoder, Marker::APP(2), b"ICC_PROFILE\0\x01\x01").filter(|_| !inks)?;
    (profile.len() <= KEPT_PROFILE).then(|| profile.to_owned())
}

/// What libjpeg keeps where it cannot decode line by line: two bytes per sample.
fn coefficients<R>(decoder: &Decompress<R>) -> u64 {
    let of = |it: &CompInfo| (it.width_in_blocks() * it.height_in_blocks() * 64 * 2) as u64;
    decoder.components().iter().map(of).sum()
}

/// How the pixels are spread over the file.
#[derive(Debug, PartialEq, Eq)]
struct Scans {
    count: usize,
    /// One scan is not enough for a line of pixels.
    are_held: bool,
}

impl Scans {
    /// Of a file whose headers libjpeg has read.
    fn of(bytes: &[u8]) -> Self {
        let (mut at, mut components, mut progressive) = (2, 1, false);
        while let Some(&[first, kind, ..]) = bytes.get(at..) {
            if first != 0xff || matches!(kind, 0x00 | 0xff) {
                at += 1;
                continue;
            }
            let segment = bytes.get(at + 4..).unwrap_or_default();
            match kind {
                // Start of frame; of these, the ones that libjpeg can read.
                0xc0..=0xc2 => {
                    progressive = kind == 0xc2;
                    components = segment.get(5).copied().unwrap_or(1);
                }
                0xda => {
                    let scanned = segment.first().copied().unwrap_or(0);
                    // Within a scan these two bytes are always the beginning of another one.
                    let count = 1 + memchr::memmem::find_iter(segment, b"\xff\xda").count();
                    return Self { count, are_held: progressive || scanned < components };
                }
                0x01 | 0xd0..=0xd9 => {
                    at += 2;
                    continue;
                }
                _ => {}
            }
            let length = bytes
                .get(at + 2..at + 4)
                .map_or(2, |it| usize::from(it[0]) << 8 | usize::from(it[1]));
            at += 2 + length.max(2);
        }
        Self { count: 0, are_held: true }
    }
}

/// A picture that tells whether the decoder wanted more than there is.
struct Watched<'p> {
    rest: &'p [u8],
    ran_out: &'p Cell<bool>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.rest.read(buffer)
    }
}

impl BufRead for Watched<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.ran_out.set(self.ran_out.get() || self.rest.is_empty());
        Ok(self.rest)
    }

    fn consume(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }
}

thread_local! {
    /// Whether a complaint of libjpeg's is the end. Its callbacks are given nothing of ours, and a
    /// thread decodes one picture at a time.
    static STRICT: Cell<bool> = const { Cell::new(false) };
}

/// libjpeg has given up.
struct GaveUp;

/// Runs libjpeg on these bytes. Where it gives up, and where it had to make up what is missing, the
/// picture is refused.
fn guarded<T>(
    bytes: &[u8],
    work: impl FnOnce(Decompress<Watched<'_>>) -> Result<T, Damage>,
) -> Result<T, Damage> {
    let ran_out = Cell::new(false);
    STRICT.set(false);
    let run = || {
        let decoder = Decompress::with_err(callbacks()).with_markers(MARKERS);
        let decoder = decoder.from_reader(Watched { rest: bytes, ran_out: &ran_out });
        work(decoder.map_err(|_| Damage::Damaged)?)
    };
    let done = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(done) => done,
        Err(thrown) if thrown.is::<GaveUp>() => Err(Damage::Damaged),
        Err(panic) => resume_unwind(panic),
    };
    match done {
        Err(Damage::Bomb) => Err(Damage::Bomb),
        _ if ran_out.get() => Err(Damage::Truncated),
        done => done,
    }
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
extern "C-unwind" fn judge(cinfo: &mut jpeg_common_struct, level: c_int) {
    if level < 0 && STRICT.get() {
        give_up(cinfo);
    }
}

extern "C-unwind" fn do_nothing(_: &mut jpeg_common_struct) {}

extern "C-unwind" fn say_nothing(_: &mut jpeg_common_struct, _: &[u8; 80]) {}
