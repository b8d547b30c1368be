//! Which part of a picture becomes a thumbnail of which size: numbers only.

/// Width and height, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

impl Size {
    /// Width and height.
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// The size of the picture lying on its side: width and height change places.
    pub(super) fn turned(self) -> Self {
        Self { width: self.height, height: self.width }
    }

    pub(super) fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// How a picture is made to fit where its proportions are others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Exactly the size that is wanted: stretched, and enlarged where it is smaller.
    Exact,
    /// Inside the size that is wanted, its proportions kept; never enlarged.
    Contain,
    /// Exactly the size that is wanted, its proportions kept: filled, and what stands over at both
    /// sides cut off; enlarged where it is smaller.
    Cover,
}

/// What is to be done with a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    /// The part of the picture that is used, in its pixels.
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    /// The size that this part is given.
    pub(super) to: Size,
}

impl Fit {
    /// What to do with a picture of this size. Neither size has a side of 0.
    pub(super) fn cut(self, picture: Size, wanted: Size) -> Cut {
        let whole = |to| Cut {
            left: 0.0,
            top: 0.0,
            width: picture.width.into(),
            height: picture.height.into(),
            to,
        };
        match self {
            Self::Exact => whole(wanted),
            Self::Contain => whole(inside(picture, wanted)),
            Self::Cover => {
                let (width, height) = (f64::from(picture.width), f64::from(picture.height));
                let scale =
                    (f64::from(wanted.width) / width).max(f64::from(wanted.height) / height);
                let part = (f64::from(wanted.width) / scale, f64::from(wanted.height) / scale);
                // Rounding must not take the part out of the picture.
                let (part_width, part_height) = (part.0.min(width), part.1.min(height));
                Cut {
                    left: (width - part_width) / 2.0,
                    top: (height - part_height) / 2.0,
                    width: part_width,
                    height: part_height,
                    to: wanted,
                }
            }
        }
    }
}

fn inside(picture: Size, wanted: Size) -> Size {
    let (width, height) = (f64::from(picture.width), f64::from(picture.height));
    let scale = (f64::from(wanted.width) / width).min(f64::from(wanted.height) / height).min(1.0);
    let side = |length: f64, most: u32| ((length * scale).round() as u32).clamp(1, most);
    Size::new(side(width, wanted.width), side(height, wanted.height))
}

impl Cut {
    /// How many eighths of the picture are enough to make this of it: the fewest that leave twice as
    /// many pixels as are wanted in both directions, so that the Lanczos filter has all it can use.
    pub(super) fn eighths(&self) -> u8 {
        let enough = |eighths: f64, part: f64, to: u32| {
            (part * eighths / 8.0).floor() >= 2.0 * f64::from(to)
        };
        (1..8)
            .find(|&n| {
                let n = f64::from(n);
                enough(n, self.width, self.to.width) && enough(n, self.height, self.to.height)
            })
            .unwrap_or(8)
    }

    /// This part of the picture, where the picture has another size.
    pub(super) fn of_scaled(self, picture: Size, scaled: Size) -> Self {
        let x = f64::from(scaled.width) / f64::from(picture.width);
        let y = f64::from(scaled.height) / f64::from(picture.height);
        let (left, top) = (self.left * x, self.top * y);
        Self {
            left,
            top,
            width: (self.width * x).min(f64::from(scaled.width) - left),
            height: (self.height * y).min(f64::from(scaled.height) - top),
            to: self.to,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn to(fit: Fit, picture: (u32, u32), wanted: (u32, u32)) -> (u32, u32) {
        let cut = fit.cut(Size::new(picture.0, picture.1), Size::new(wanted.0, wanted.1));
        (cut.to.width, cut.to.height)
    }

    #[test]
    fn exact_and_cover_give_the_size_that_is_wanted_and_contain_at_most_that() {
        for picture in [(4000, 3000), (3000, 4000), (1, 1), (50, 7), (100, 100), (65000, 1)] {
            assert_eq!(to(Fit::Exact, picture, (100, 60)), (100, 60));
            assert_eq!(to(Fit::Cover, picture, (100, 60)), (100, 60));
        }
        assert_eq!(to(Fit::Contain, (4000, 3000), (100, 100)), (100, 75));
        assert_eq!(to(Fit::Contain, (3000, 4000), (100, 100)), (75, 100));
        assert_eq!(to(Fit::Contain, (65000, 1), (100, 100)), (100, 1));
        assert_eq!(to(Fit::Contain, (50, 7), (100, 100)), (50, 7), "it is never enlarged");
    }

    #[test]
    fn cover_takes_the_middle() {
        let cut = Fit::Cover.cut(Size::new(400, 100), Size::new(50, 50));
        assert_eq!((cut.left, cut.top, cut.width, cut.height), (150.0, 0.0, 100.0, 100.0));
        let cut = Fit::Cover.cut(Size::new(100, 400), Size::new(50, 50));
        assert_eq!((cut.left, cut.top, cut.width, cut.height), (0.0, 150.0, 100.0, 100.0));
    }

    #[test]
    fn a_decoder_may_leave_out_what_is_more_than_twice_the_wanted_size() {
        let eighths = |fit: Fit, picture: (u32, u32)| {
            fit.cut(Size::new(picture.0, picture.1), Size::new(100, 100)).eighths()
        };
        assert_eq!(eighths(Fit::Exact, (4000, 3000)), 1);
        assert_eq!(eighths(Fit::Exact, (1600, 1600)), 1);
        assert_eq!(eighths(Fit::Exact, (1600, 1599)), 2);
        assert_eq!(eighths(Fit::Exact, (400, 400)), 4);
        assert_eq!(eighths(Fit::Exact, (200, 200)), 8);
        assert_eq!(eighths(Fit::Exact, (4000, 100)), 8);
        assert_eq!(eighths(Fit::Contain, (4000, 400)), 1);
        assert_eq!(eighths(Fit::Cover, (4000, 400)), 4);
    }

    fn sizes() -> impl Strategy<Value = Size> {
        let side = || prop_oneof![1..300u32, 1..66_000u32];
        (side(), side()).prop_map(|(width, height)| Size { width, height })
    }

    fn fits() -> impl Strategy<Value = Fit> {
        prop_oneof![Just(Fit::Exact), Just(Fit::Contain), Just(Fit::Cover)]
    }

    proptest! {
        #[test]
        fn a_cut_lies_within_the_picture(fit in fits(), picture in sizes(), wanted in sizes()) {
            let cut = fit.cut(picture, wanted);
            let eighths = u32::from(cut.eighths());
            let scaled = Size {
                width: (picture.width * eighths).div_ceil(8),
                height: (picture.height * eighths).div_ceil(8),
            };
            let within = |cut: Cut, size: Size| {
                cut.left >= 0.0
                    && cut.top >= 0.0
                    && cut.width > 0.0
                    && cut.height > 0.0
                    && cut.left + cut.width <= f64::from(size.width)
                    && cut.top + cut.height <= f64::from(size.height)
            };
            prop_assert!(within(cut, picture), "{:?}", cut);
            prop_assert!(within(cut.of_scaled(picture, scaled), scaled), "{:?}", cut);
            prop_assert!(cut.to.width >= 1 && cut.to.width <= wanted.width);
            prop_assert!(cut.to.height >= 1 && cut.to.height <= wanted.height);
        }
    }
}
