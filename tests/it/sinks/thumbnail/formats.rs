//! From a picture's bytes to its thumbnail's: formats, sizes, colours, orientation, and what is
//! refused.

use crate::support::pictures::{
    self, Jpeg, distance, encoded, exif, jpeg, png_chunk, resized, sample,
};
use image::{
    DynamicImage, ImageBuffer, ImageDecoder as _, ImageFormat, ImageReader, Luma, Rgb, RgbImage,
    Rgba, RgbaImage, imageops,
};
use kakehi::sinks::thumbnail::{Fit, Picture, Recipe, Size, Thumbnail};
use mozjpeg::ColorSpace;
use std::io::Cursor;

const PIXELS: u64 = 100_000_000;

fn recipe(width: u32, height: u32, fit: Fit) -> Recipe {
    Recipe { size: Size { width, height }, fit }
}

fn small(bytes: &[u8], recipe: Recipe) -> Result<Thumbnail, String> {
    Picture::open(bytes.to_vec().into(), PIXELS)?.thumbnail(recipe)
}

#[track_caller]
fn made(bytes: &[u8], recipe: Recipe) -> DynamicImage {
    let thumbnail = small(bytes, recipe).expect("a thumbnail");
    let format = ImageFormat::from_mime_type(thumbnail.content_type).expect("a format");
    assert_eq!(image::guess_format(&thumbnail.bytes).expect("a format"), format);
    image::load_from_memory(&thumbnail.bytes).expect("it can be decoded")
}

#[track_caller]
fn refused(bytes: &[u8]) -> String {
    small(bytes, recipe(10, 10, Fit::Exact)).expect_err("it is refused")
}

const FORMATS: [ImageFormat; 4] =
    [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif];

#[test]
fn each_format_comes_out_as_it_went_in_in_every_fit() {
    let picture = sample(400, 300);
    for format in FORMATS {
        let bytes = encoded(picture.clone(), format);
        for (fit, size) in
            [(Fit::Exact, (100, 100)), (Fit::Contain, (100, 75)), (Fit::Cover, (100, 100))]
        {
            let thumbnail = small(&bytes, recipe(100, 100, fit)).expect("a thumbnail");
            assert_eq!(thumbnail.content_type, format.to_mime_type());
            let thumbnail = made(&bytes, recipe(100, 100, fit));
            assert_eq!((thumbnail.width(), thumbnail.height()), size, "{format:?} {fit:?}");
            let cut = match fit {
                Fit::Cover => imageops::crop_imm(&picture, 50, 0, 300, 300).to_image(),
                _ => picture.clone(),
            };
            let wanted = resized(cut, size.0, size.1);
            let most = if format == ImageFormat::Gif { 12.0 } else { 2.0 };
            let far = distance(&thumbnail.into_rgb8(), &wanted);
            assert!(far < most, "{format:?} {fit:?}: {far}");
        }
    }
}

#[test]
fn a_smaller_picture_is_enlarged_unless_it_is_to_be_contained() {
    for format in FORMATS {
        let bytes = encoded(sample(20, 30), format);
        for (fit, size) in
            [(Fit::Exact, (100, 50)), (Fit::Contain, (20, 30)), (Fit::Cover, (100, 50))]
        {
            let thumbnail = made(&bytes, recipe(100, 50, fit));
            assert_eq!((thumbnail.width(), thumbnail.height()), size, "{format:?} {fit:?}");
        }
    }
    let one = made(&encoded(sample(1, 1), ImageFormat::Png), recipe(100, 100, Fit::Exact));
    assert_eq!((one.width(), one.height()), (100, 100));
}

/// Four quarters, no two alike: red, green / blue, white.
fn quarters(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| match (x < width / 2, y < height / 2) {
        (true, true) => Rgb([220, 20, 20]),
        (false, true) => Rgb([20, 220, 20]),
        (true, false) => Rgb([20, 20, 220]),
        (false, false) => Rgb([240, 240, 240]),
    })
}

/// How a camera that is held so stores what it sees. From the table of Exif: of which side of the
/// picture row 0 and column 0 are.
fn stored(seen: &RgbImage, orientation: u8) -> RgbImage {
    let (width, height) = seen.dimensions();
    let (x_end, y_end) = (width - 1, height - 1);
    let from = |x, y| *seen.get_pixel(x, y);
    match orientation {
        1 => seen.clone(),
        2 => RgbImage::from_fn(width, height, |c, r| from(x_end - c, r)),
        3 => RgbImage::from_fn(width, height, |c, r| from(x_end - c, y_end - r)),
        4 => RgbImage::from_fn(width, height, |c, r| from(c, y_end - r)),
        5 => RgbImage::from_fn(height, width, |c, r| from(r, c)),
        6 => RgbImage::from_fn(height, width, |c, r| from(x_end - r, c)),
        7 => RgbImage::from_fn(height, width, |c, r| from(x_end - r, y_end - c)),
        _ => RgbImage::from_fn(height, width, |c, r| from(r, y_end - c)),
    }
}

fn png_with(exif: &[u8], picture: &RgbImage) -> Vec<u8> {
    let png = encoded(picture.clone(), ImageFormat::Png);
    let header = 8 + 12 + 13;
    [&png[..header], &png_chunk(b"eXIf", exif), &png[header..]].concat()
}

#[test]
fn a_picture_is_turned_as_its_camera_was_held() {
    let seen = quarters(64, 48);
    for orientation in 1..=8 {
        let stored = stored(&seen, orientation);
        for big_endian in [false, true] {
            let exif = exif(orientation, big_endian);
            let png = png_with(&exif[6..], &stored);
            let jpeg = Jpeg { markers: vec![(1, exif)], half_colours: false, ..Jpeg::default() };
            for bytes in [jpeg.of(&stored), png] {
                for (fit, size) in
                    [(Fit::Exact, (30, 20)), (Fit::Contain, (27, 20)), (Fit::Cover, (30, 20))]
                {
                    let thumbnail = made(&bytes, recipe(30, 20, fit)).into_rgb8();
                    assert_eq!(thumbnail.dimensions(), size, "{orientation} {fit:?}");
                    let (width, height) = size;
                    let places = [(3, 3), (width - 4, 3), (3, height - 4), (width - 4, height - 4)];
                    let seen = quarters(width, height);
                    for (x, y) in places {
                        let (is, should) = (thumbnail.get_pixel(x, y), seen.get_pixel(x, y));
                        let near = is.0.iter().zip(should.0).all(|(a, b)| a.abs_diff(b) < 30);
                        assert!(near, "{orientation} {fit:?} {x},{y}: {is:?} for {should:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn an_orientation_that_does_not_exist_and_a_broken_block_turn_nothing() {
    let seen = quarters(64, 48);
    let mut far = exif(6, false);
    far[10..14].copy_from_slice(&u32::MAX.to_le_bytes());
    for block in [exif(0, false), exif(9, true), far, b"Exif\0\0".to_vec(), b"http://x".to_vec()] {
        let jpeg = Jpeg { markers: vec![(1, block)], ..Jpeg::default() }.of(&seen);
        assert!(distance(&made(&jpeg, recipe(64, 48, Fit::Exact)).into_rgb8(), &seen) < 3.0);
    }
}

/// All of it decoded, and then made smaller.
fn the_long_way(jpeg: &[u8], width: u32, height: u32) -> RgbImage {
    let whole = image::load_from_memory(jpeg).expect("a JPEG").into_rgb8();
    resized(whole, width, height)
}

#[test]
fn what_is_left_out_while_decoding_is_not_missed() {
    for (width, height) in [(1605, 1607), (1600, 1200), (1203, 907), (333, 777)] {
        let picture = sample(width, height);
        for progressive in [false, true] {
            for half_colours in [false, true] {
                let how = Jpeg { progressive, half_colours, ..Jpeg::default() };
                let jpeg = how.of(&picture);
                let thumbnail = made(&jpeg, recipe(100, 100, Fit::Exact)).into_rgb8();
                let far = distance(&thumbnail, &the_long_way(&jpeg, 100, 100));
                assert!(far < 2.5, "{width} x {height}, {progressive} {half_colours}: {far}");
            }
        }
    }
}

#[test]
fn a_grey_jpeg_stays_grey() {
    let picture = sample(500, 400);
    let jpeg = Jpeg::default().grey(&picture);
    let thumbnail = made(&jpeg, recipe(100, 80, Fit::Exact));
    assert!(matches!(thumbnail, DynamicImage::ImageLuma8(_)), "{:?}", thumbnail.color());
    assert!(distance(&thumbnail.into_rgb8(), &the_long_way(&jpeg, 100, 80)) < 1.5);
}

/// As everybody writes ink: upside down, 255 is none.
fn inks(picture: &RgbImage) -> Vec<u8> {
    let ink = |pixel: &Rgb<u8>| {
        let white = pixel.0.into_iter().max().unwrap_or(0).max(1);
        let of = |value: u8| (u32::from(value) * 255 / u32::from(white)) as u8;
        [of(pixel[0]), of(pixel[1]), of(pixel[2]), white]
    };
    picture.pixels().flat_map(ink).collect()
}

#[test]
fn ink_becomes_light() {
    let picture = sample(400, 300);
    let inks = inks(&picture);
    let jpeg = Jpeg { quality: 97.0, ..Jpeg::default() };
    let adobe = jpeg.raw(ColorSpace::JCS_CMYK, (400, 300), &inks);
    let plain = without_adobe(&adobe);
    let wanted = resized(picture, 100, 75);
    for (what, bytes) in [("adobe", adobe), ("plain", plain)] {
        let thumbnail = made(&bytes, recipe(100, 75, Fit::Exact));
        assert!(matches!(thumbnail, DynamicImage::ImageRgb8(_)));
        let far = distance(&thumbnail.into_rgb8(), &wanted);
        assert!(far < 4.0, "{what}: {far}");
    }
}

fn without_adobe(jpeg: &[u8]) -> Vec<u8> {
    let at = jpeg.windows(2).position(|it| it == [0xff, 0xee]).expect("Adobe's marker");
    [&jpeg[..at], &jpeg[at + 16..]].concat()
}

#[test]
fn what_cannot_be_seen_gives_no_colour() {
    // Red on a green that nobody sees: a mean over both would be brown at the edges.
    let picture = RgbaImage::from_fn(200, 200, |x, _| match (x / 10) % 2 {
        0 => Rgba([255, 0, 0, 255]),
        _ => Rgba([0, 255, 0, 0]),
    });
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let bytes = encoded(picture.clone(), format);
        let thumbnail = made(&bytes, recipe(50, 50, Fit::Exact)).into_rgba8();
        let seen: Vec<_> = thumbnail.pixels().filter(|pixel| pixel[3] > 8).collect();
        assert!(seen.len() > 1000, "{format:?}: {}", seen.len());
        let far = seen.iter().filter(|pixel| pixel[1] > 8 || pixel[0] < 240).count();
        assert_eq!(far, 0, "{format:?}");
        assert!(thumbnail.pixels().any(|pixel| pixel[3] == 0), "{format:?}");
    }
}

#[test]
fn sixteen_bits_become_eight() {
    let colour =
        ImageBuffer::from_fn(300, 200, |x, y| Rgb([(x * 200) as u16, (y * 300) as u16, 9]));
    let grey = ImageBuffer::from_fn(300, 200, |x, _| Luma([(x * 200) as u16]));
    let wanted = resized(DynamicImage::from(colour.clone()).into_rgb8(), 30, 20);
    let thumbnail = made(&encoded(colour, ImageFormat::Png), recipe(30, 20, Fit::Exact));
    assert_eq!(thumbnail.color(), image::ColorType::Rgb8);
    assert!(distance(&thumbnail.into_rgb8(), &wanted) < 1.0);
    let thumbnail = made(&encoded(grey, ImageFormat::Png), recipe(30, 20, Fit::Exact));
    assert_eq!(thumbnail.color(), image::ColorType::L8);
}

#[test]
fn a_small_colour_profile_is_kept_and_a_large_one_left_out() {
    let picture = sample(64, 64);
    for (length, kept) in [(500, true), (40_000, false)] {
        let profile = vec![7; length];
        let piece = [b"ICC_PROFILE\0\x01\x01".as_slice(), &profile].concat();
        let jpeg = Jpeg { markers: vec![(2, piece)], ..Jpeg::default() }.of(&picture);
        let thumbnail = small(&jpeg, recipe(10, 10, Fit::Exact)).expect("a thumbnail");
        let reader = ImageReader::with_format(Cursor::new(thumbnail.bytes), ImageFormat::Jpeg);
        let found = reader.into_decoder().expect("a JPEG").icc_profile().expect("an answer");
        assert_eq!(found, kept.then_some(profile));
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    assert_eq!(refused(b""), "it is empty");
    for bytes in [b"hello".as_slice(), b"<svg/>", b"BM\0\0\0\0", b"\xff", b"II*\0\x08\0\0\0"] {
        assert_eq!(refused(bytes), "it is no JPEG, PNG, WebP or GIF");
    }
}

#[test]
fn what_ends_too_early_is_refused_wherever_that_is() {
    for format in FORMATS {
        let bytes = encoded(sample(120, 90), format);
        let name = format!("{format:?}").to_ascii_uppercase().replace("WEBP", "WebP");
        for length in (16..bytes.len()).step_by(97) {
            let reason = refused(&bytes[..length]);
            let reasons =
                [format!("it is a {name} that ends too early"), format!("it is a damaged {name}")];
            assert!(reasons.contains(&reason), "{format:?} of {length}: {reason}");
        }
    }
    for progressive in [false, true] {
        let bytes = Jpeg { progressive, ..Jpeg::default() }.of(&sample(120, 90));
        for length in (4..bytes.len() - 2).step_by(53).chain([bytes.len() - 3]) {
            assert_eq!(refused(&bytes[..length]), "it is a JPEG that ends too early", "{length}");
        }
    }
}

#[test]
fn what_lacks_nothing_but_its_end_is_whole() {
    for progressive in [false, true] {
        for (width, height) in [(120, 90), (900, 901)] {
            let good = Jpeg { progressive, ..Jpeg::default() }.of(&sample(width, height));
            let wanted = made(&good, recipe(100, 100, Fit::Exact)).into_rgb8();
            for missing in [1, 2] {
                let bytes = &good[..good.len() - missing];
                let thumbnail = small(bytes, recipe(100, 100, Fit::Exact)).expect("a thumbnail");
                assert!(thumbnail.remark.is_some_and(|it| it.contains("end is missing")));
                let thumbnail = made(bytes, recipe(100, 100, Fit::Exact)).into_rgb8();
                // An eighth of a common one is read by another reader.
                assert!(distance(&thumbnail, &wanted) < 0.5, "{progressive} {missing}");
            }
        }
    }
}

#[test]
fn what_follows_a_jpeg_is_nobodys_business() {
    // In a film there is what looks like scans, and like ends.
    let film = b"and a film of two seconds\xff\xda\0\x0c\xff\xd9\xff\xc9".repeat(300);
    for progressive in [false, true] {
        for (width, height) in [(120, 90), (900, 901)] {
            let good = Jpeg { progressive, ..Jpeg::default() }.of(&sample(width, height));
            let thumbnail =
                small(&[good.clone(), film.clone()].concat(), recipe(10, 10, Fit::Exact));
            assert_eq!(thumbnail, small(&good, recipe(10, 10, Fit::Exact)));
        }
    }
}

#[test]
fn damage_in_the_middle_of_a_jpeg_is_refused() {
    for progressive in [false, true] {
        let good = Jpeg { progressive, ..Jpeg::default() }.of(&sample(400, 300));
        let mut refusals = 0;
        let begin = good.windows(2).position(|it| it == [0xff, 0xda]).expect("a scan") + 20;
        for at in (begin..good.len() - 40).step_by((good.len() - begin) / 40) {
            let mut bytes = good.clone();
            bytes[at..at + 24].fill(0xaa);
            // What still is a sequence of codes cannot be told from a picture.
            if let Err(reason) = small(&bytes, recipe(10, 10, Fit::Exact)) {
                let reasons = ["it is a damaged JPEG", "it is a JPEG that ends too early"];
                assert!(reasons.contains(&reason.as_str()), "{reason}");
                refusals += 1;
            }
        }
        println!("progressive {progressive}: {refusals} of 40 refused");
        assert!(refusals > 0, "progressive {progressive}");
    }
}

#[test]
fn a_bomb_is_refused_before_it_is_decoded() {
    let too_large = |width, height| {
        format!("it has {width} x {height} pixels, which is more than `max-pixels=100000000`")
    };
    assert_eq!(refused(&pictures::png_that_says(60_000, 60_000)), too_large(60_000, 60_000));
    assert_eq!(refused(&pictures::jpeg_that_says(60_000, 60_000)), too_large(60_000, 60_000));
    assert_eq!(refused(&pictures::gif_that_says(65_535, 65_535)), too_large(65_535, 65_535));
    assert_eq!(refused(&pictures::webp_that_says(16_384, 16_384)), too_large(16_384, 16_384));
    let png = pictures::png_that_says(u32::MAX / 2, u32::MAX / 2);
    let reason = refused(&png);
    assert!(reason.contains("pixels, which is more than") || reason.contains("PNG"), "{reason}");
}

#[test]
fn a_small_file_that_says_it_is_large_but_not_too_large_is_refused() {
    assert_eq!(refused(&pictures::jpeg_that_says(9_000, 9_000)), "it is a damaged JPEG");
    let reason = refused(&pictures::png_that_says(9_000, 9_000));
    assert!(reason.starts_with("it is a "), "{reason}");
}

#[test]
fn a_jpeg_of_thousands_of_scans_is_refused() {
    let good = Jpeg { progressive: true, ..Jpeg::default() }.of(&sample(64, 64));
    let scan = good.windows(2).rposition(|it| it == [0xff, 0xda]).expect("a scan");
    let end = good.len() - 2;
    let again = good[scan..end].repeat(200);
    let bytes = [&good[..end], &again, &good[end..]].concat();
    assert_eq!(refused(&bytes), "it is a JPEG that would take too much to decode");
}

#[test]
fn rubbish_behind_a_good_beginning_is_refused_and_never_panics() {
    let mut dice = fastrand::Rng::with_seed(7);
    for format in FORMATS {
        let good = encoded(sample(60, 40), format);
        for _ in 0..300 {
            let mut bytes = good.clone();
            for _ in 0..dice.usize(1..6) {
                let at = dice.usize(4..bytes.len());
                bytes[at] = dice.u8(..);
            }
            let _ = small(&bytes, recipe(10, 10, Fit::Cover));
        }
    }
}

#[test]
fn the_memory_of_a_thumbnail_is_told_before_it_is_made() {
    let recipe = recipe(100, 100, Fit::Exact);
    let memory = |bytes: Vec<u8>| Picture::open(bytes.into(), PIXELS).expect("good").memory(recipe);
    let picture = sample(1600, 1200);
    let scaled = memory(jpeg(&picture));
    let whole = 1600 * 1200 * 3;
    assert!(scaled < whole / 4, "{scaled}");
    let progressive = Jpeg { progressive: true, ..Jpeg::default() }.of(&picture);
    assert!(memory(progressive) >= scaled + whole, "two bytes for each sample of 4:2:0");
    assert!(memory(encoded(picture.clone(), ImageFormat::Png)) >= whole);
}
