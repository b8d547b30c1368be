//! Pictures for the tests, made by themselves.

use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use mozjpeg::{ColorSpace, Compress, Marker};
use std::io::Cursor;

/// Something smooth with edges in it, as a camera sees.
pub fn sample(width: u32, height: u32) -> RgbImage {
    let wave = |of: u32, times: f32, shift: f32| -> Vec<f32> {
        let angle = |at: u32| at as f32 / of as f32 * times * std::f32::consts::TAU + shift;
        (0..of).map(|at| 127.5 + 127.5 * angle(at).sin()).collect()
    };
    // Once for each column and each row, not for each pixel.
    let across =
        [(1.5, 0.0), (3.0, 2.0), (0.5, 0.3)].map(|(times, shift)| wave(width, times, shift));
    let down = [(0.7, 1.0), (2.0, 0.5)].map(|(times, shift)| wave(height, times, shift));
    let aslant = wave(width + height, 1.0, 3.0);
    RgbImage::from_fn(width, height, |x, y| {
        let house = x > width / 2 && x < width * 3 / 4 && y > height / 3;
        let light = if house { 0.4 } else { 1.0 };
        let mixed = |a: f32, b: f32| ((a * 0.6 + b * 0.4) * light) as u8;
        let (x, y) = (x as usize, y as usize);
        Rgb([
            mixed(across[0][x], down[0][y]),
            mixed(down[1][y], across[1][x]),
            mixed(aslant[x + y], across[2][x]),
        ])
    })
}

/// A picture at another size. Through `DynamicImage`, whose crate is optimised in tests, as this one is not.
pub fn resized(picture: RgbImage, width: u32, height: u32) -> RgbImage {
    DynamicImage::from(picture).resize_exact(width, height, FilterType::Lanczos3).into_rgb8()
}

/// How a JPEG is written.
#[derive(Clone)]
pub struct Jpeg {
    pub quality: f32,
    pub progressive: bool,
    /// 4:2:0, as cameras do.
    pub half_colours: bool,
    /// Over how many pixels a sample of blue and one of red goes, where it is otherwise.
    pub colours: Option<((u8, u8), (u8, u8))>,
    /// What stands in front of the pixels.
    pub markers: Vec<(u8, Vec<u8>)>,
}

impl Default for Jpeg {
    fn default() -> Self {
        Self {
            quality: 92.0,
            progressive: false,
            half_colours: true,
            colours: None,
            markers: Vec::new(),
        }
    }
}

impl Jpeg {
    pub fn of(&self, picture: &RgbImage) -> Vec<u8> {
        self.raw(ColorSpace::JCS_RGB, picture.dimensions(), picture.as_raw())
    }

    pub fn grey(&self, picture: &RgbImage) -> Vec<u8> {
        let grey = DynamicImage::from(picture.clone()).grayscale().into_luma8();
        self.raw(ColorSpace::JCS_GRAYSCALE, picture.dimensions(), grey.as_raw())
    }

    /// Samples as they are; ink is written with Adobe's marker, as libjpeg does by itself.
    pub fn raw(&self, space: ColorSpace, (width, height): (u32, u32), samples: &[u8]) -> Vec<u8> {
        let mut encoder = Compress::new(space);
        encoder.set_fastest_defaults();
        encoder.set_size(width as usize, height as usize);
        encoder.set_quality(self.quality);
        if self.progressive {
            encoder.set_progressive_mode();
        }
        let half = self.half_colours.then_some(((2, 2), (2, 2)));
        if let Some((blue, red)) = self.colours.or(half).filter(|_| space == ColorSpace::JCS_RGB) {
            encoder.set_chroma_sampling_pixel_sizes(blue, red);
        }
        let mut encoder = encoder.start_compress(Vec::new()).expect("an encoder");
        for (kind, bytes) in &self.markers {
            encoder.write_marker(Marker::APP(*kind), bytes);
        }
        encoder.write_scanlines(samples).expect("it takes the pixels");
        encoder.finish().expect("a file")
    }
}

pub fn jpeg(picture: &RgbImage) -> Vec<u8> {
    Jpeg::default().of(picture)
}

pub fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).expect("it can be written");
    bytes.into_inner()
}

/// An Exif block with one entry, the orientation, in either byte order.
pub fn exif(orientation: u8, big_endian: bool) -> Vec<u8> {
    let (o, z) = (orientation, 0);
    let tiff: [u8; 26] = if big_endian {
        [
            b'M', b'M', z, 42, z, z, z, 8, z, 1, // one entry, at 8
            0x01, 0x12, z, 3, z, z, z, 1, z, o, z, z, z, z, z, z,
        ]
    } else {
        [
            b'I', b'I', 42, z, 8, z, z, z, 1, z, //
            0x12, 0x01, 3, z, 1, z, z, z, o, z, z, z, z, z, z, z,
        ]
    };
    [b"Exif\0\0".as_slice(), &tiff].concat()
}

/// A PNG's chunk, with its checksum.
pub fn png_chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut chunk = u32::try_from(content.len()).expect("a small chunk").to_be_bytes().to_vec();
    chunk.extend([kind.as_slice(), content].concat());
    let sum = chunk[4..].iter().fold(!0u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    });
    chunk.extend((!sum).to_be_bytes());
    chunk
}

/// The beginning of a PNG that says it is so large.
pub fn png_that_says(width: u32, height: u32) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let signature = b"\x89PNG\r\n\x1a\n".to_vec();
    [signature, png_chunk(b"IHDR", &header), png_chunk(b"IDAT", &[0x78, 0x9c, 3, 0, 0, 0, 0, 1])]
        .concat()
}

/// A GIF that says it is so large.
pub fn gif_that_says(width: u16, height: u16) -> Vec<u8> {
    let mut gif = encoded(sample(8, 8), ImageFormat::Gif);
    gif[6..8].copy_from_slice(&width.to_le_bytes());
    gif[8..10].copy_from_slice(&height.to_le_bytes());
    gif
}

/// A JPEG that says it is so large.
pub fn jpeg_that_says(width: u16, height: u16) -> Vec<u8> {
    let mut jpeg = jpeg(&sample(16, 16));
    let frame = jpeg.windows(2).position(|it| it == [0xff, 0xc0]).expect("a frame");
    jpeg[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

/// A WebP of the extended kind that says it is so large.
pub fn webp_that_says(width: u32, height: u32) -> Vec<u8> {
    let plain = encoded(sample(8, 8), ImageFormat::WebP);
    let side = |length: u32| (length - 1).to_le_bytes()[..3].to_vec();
    let header = [vec![0; 4], side(width), side(height)].concat();
    let body = [b"WEBPVP8X\x0a\0\0\0".as_slice(), &header, &plain[12..]].concat();
    let length = u32::try_from(body.len()).expect("a small file").to_le_bytes();
    [b"RIFF".as_slice(), &length, &body].concat()
}

/// How far apart two pictures are: the mean over all samples.
#[track_caller]
pub fn distance(one: &RgbImage, other: &RgbImage) -> f64 {
    assert_eq!(one.dimensions(), other.dimensions());
    let pairs = one.as_raw().iter().zip(other.as_raw());
    let sum: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / one.as_raw().len() as f64
}
