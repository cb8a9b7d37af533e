//! Rectangles as square as can be, whose areas are as sizes are: [squarified treemaps].
//!
//! The crates that do this have had no release for years, and panic for sizes of 0.
//!
//! [squarified treemaps]: https://www.win.tue.nl/~vanwijk/stm.pdf

/// A rectangle, whose corner at the top left is 0, 0 or further to the right and down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rectangle {
    /// How far to the right it starts.
    pub x: f64,
    /// How far down it starts.
    pub y: f64,
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
}

impl Rectangle {
    /// Its area.
    #[must_use]
    pub fn area(&self) -> f64 {
        self.width * self.height
    }

    /// How many times as long as wide it is, whichever side is longer.
    fn elongation(&self) -> f64 {
        let (long, short) = (self.width.max(self.height), self.width.min(self.height));
        if short > 0.0 { long / short } else { f64::INFINITY }
    }
}

/// Cuts a rectangle into one for each size, in their order, which should be the largest first.
///
/// ```
/// use pyimage::tree::{Rectangle, squarify};
///
/// let whole = Rectangle { x: 0.0, y: 0.0, width: 6.0, height: 4.0 };
/// let parts = squarify(&[6, 6, 4, 3, 2, 2, 1], whole);
/// assert_eq!(parts[0], Rectangle { x: 0.0, y: 0.0, width: 3.0, height: 2.0 });
/// assert_eq!(parts[1], Rectangle { x: 0.0, y: 2.0, width: 3.0, height: 2.0 });
/// ```
#[must_use]
pub fn squarify(sizes: &[u64], whole: Rectangle) -> Vec<Rectangle> {
    let mut rectangles = Vec::with_capacity(sizes.len());
    let mut free = whole;
    let mut left = sizes;
    while !left.is_empty() {
        let all = total(left);
        let scale = if all > 0.0 { free.area() / all } else { 0.0 };
        // A row takes in one more as long as that makes its worst rectangle better.
        let mut count = 1;
        let mut best = worst(&row(&left[..1], free, scale));
        while count < left.len() {
            let next = worst(&row(&left[..=count], free, scale));
            if next > best {
                break;
            }
            best = next;
            count += 1;
        }
        let (taken, rest) = left.split_at(count);
        rectangles.extend(row(taken, free, scale));
        free = beside(free, total(taken) * scale);
        left = rest;
    }
    rectangles
}

/// Rectangles along the shorter side.
fn row(sizes: &[u64], free: Rectangle, scale: f64) -> Vec<Rectangle> {
    let sum = total(sizes);
    let area = sum * scale;
    let is_wide = free.width >= free.height;
    let side = if is_wide { free.height } else { free.width };
    let thickness = if side > 0.0 { area / side } else { 0.0 };
    let mut at = 0.0;
    let along = sizes.iter().map(|size| {
        let length = if sum > 0.0 { side * as_float(*size) / sum } else { 0.0 };
        let start = at;
        at += length;
        if is_wide {
            Rectangle { x: free.x, y: free.y + start, width: thickness, height: length }
        } else {
            Rectangle { x: free.x + start, y: free.y, width: length, height: thickness }
        }
    });
    along.collect()
}

/// What is free beside a row of this area.
fn beside(free: Rectangle, area: f64) -> Rectangle {
    let Rectangle { x, y, width, height } = free;
    if width >= height {
        let thickness = if height > 0.0 { (area / height).min(width) } else { 0.0 };
        Rectangle { x: x + thickness, y, width: width - thickness, height }
    } else {
        let thickness = if width > 0.0 { (area / width).min(height) } else { 0.0 };
        Rectangle { x, y: y + thickness, width, height: height - thickness }
    }
}

fn worst(row: &[Rectangle]) -> f64 {
    row.iter().map(Rectangle::elongation).fold(1.0, f64::max)
}

fn total(sizes: &[u64]) -> f64 {
    sizes.iter().map(|size| as_float(*size)).sum()
}

#[expect(clippy::cast_precision_loss, reason = "nobody sees the last bits of a size in a picture")]
fn as_float(size: u64) -> f64 {
    size as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: Rectangle = Rectangle { x: 0.0, y: 0.0, width: 16.0, height: 10.0 };
    const TINY: f64 = 1e-6;

    fn overlap(one: &Rectangle, other: &Rectangle) -> f64 {
        let side = |start: f64, end: f64, from: f64, to: f64| (end.min(to) - start.max(from)).max(0.0);
        let width = side(one.x, one.x + one.width, other.x, other.x + other.width);
        width * side(one.y, one.y + one.height, other.y, other.y + other.height)
    }

    #[test]
    fn nothing_is_nothing() {
        assert!(squarify(&[], WHOLE).is_empty());
        assert!(squarify(&[0, 0], WHOLE).iter().all(|part| part.area() == 0.0));
        let flat = Rectangle { width: 0.0, ..WHOLE };
        assert!(squarify(&[1, 2], flat).iter().all(|part| part.area() == 0.0));
        assert_eq!(squarify(&[7], WHOLE), [WHOLE]);
    }

    #[test]
    fn equal_sizes_are_almost_squares() {
        let parts = squarify(&[1; 40], WHOLE);
        assert!(parts.iter().all(|part| part.elongation() < 1.7), "{parts:?}");
    }

    proptest! {
        #[test]
        fn areas_are_as_the_sizes_and_do_not_overlap(
            mut sizes in prop::collection::vec(prop_oneof![0..10_u64, 0..1_000_000_u64], 1..40),
            width in 0.1..50.0_f64,
        ) {
            sizes.sort_by(|one, other| other.cmp(one));
            let whole = Rectangle { width, ..WHOLE };
            let parts = squarify(&sizes, whole);
            prop_assert_eq!(parts.len(), sizes.len());
            let sum = total(&sizes);
            for (part, size) in parts.iter().zip(&sizes) {
                let expected = if sum > 0.0 { whole.area() * as_float(*size) / sum } else { 0.0 };
                prop_assert!((part.area() - expected).abs() < TINY * whole.area(), "{:?} {}", part, expected);
                prop_assert!(part.x >= -TINY && part.y >= -TINY, "{part:?}");
                prop_assert!(part.x + part.width <= whole.width + TINY, "{part:?}");
                prop_assert!(part.y + part.height <= whole.height + TINY, "{part:?}");
            }
            for (place, one) in parts.iter().enumerate() {
                for other in &parts[place + 1..] {
                    prop_assert!(overlap(one, other) < TINY * whole.area(), "{one:?} {other:?}");
                }
            }
        }

        #[test]
        fn any_order_and_any_size_will_do(sizes: Vec<u64>) {
            let parts = squarify(&sizes, WHOLE);
            prop_assert_eq!(parts.len(), sizes.len());
            prop_assert!(parts.iter().all(|part| part.width.is_finite() && part.height.is_finite()));
        }
    }
}
