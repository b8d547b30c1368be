//! Makes a few pictures, so that an example needs none from elsewhere: `make_pictures FOLDER`.

use image::{Rgb, RgbImage};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).expect("usage: make_pictures FOLDER");
    let folder = std::path::PathBuf::from(folder);
    std::fs::create_dir_all(&folder)?;
    for (name, width, height) in
        [("garden.jpg", 1200, 900), ("tower.jpg", 600, 900), ("logo.png", 400, 400)]
    {
        picture(width, height).save(folder.join(name))?;
    }
    // Its name says one thing, and it is another.
    std::fs::write(folder.join("notes.jpg"), "this is no picture")?;
    Ok(())
}

/// A sky over hills.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
        let hill = 0.6 + 0.1 * (x * 9.0).sin() + 0.05 * (x * 23.0).cos();
        match y < hill {
            true => Rgb([(120.0 + 80.0 * y) as u8, (170.0 + 60.0 * y) as u8, 240]),
            false => Rgb([40, (160.0 - 90.0 * (y - hill)) as u8, 50]),
        }
    })
}
