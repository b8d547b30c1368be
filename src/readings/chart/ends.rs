//! Names at the ends of lines, moved apart so that none lies on another.

/// Positions near the wanted ones, in their order: each with as much room as `gap`, all of them from 0
/// to `room`. The last ones have none where there is not enough room for all.
pub(super) fn apart(wanted: &[f64], gap: f64, room: f64) -> Vec<Option<f64>> {
    let fitting = ((room / gap).floor() as usize + 1).min(wanted.len());
    let mut order: Vec<usize> = (0..fitting).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut found = vec![None; wanted.len()];
    let mut least = 0.0;
    for at in &order {
        let position = wanted[*at].max(least);
        found[*at] = Some(position);
        least = position + gap;
    }
    let mut most = room;
    for at in order.iter().rev() {
        found[*at] = found[*at].map(|position| position.min(most));
        most = found[*at].unwrap_or(most) - gap;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_do_not_touch_stay_where_they_are() {
        assert_eq!(apart(&[50.0, 10.0], 14.0, 100.0), [Some(50.0), Some(10.0)]);
        assert_eq!(apart(&[], 14.0, 100.0), []);
    }

    #[test]
    fn names_move_apart_and_stay_within() {
        assert_eq!(apart(&[50.0, 52.0], 14.0, 100.0), [Some(50.0), Some(64.0)]);
        assert_eq!(apart(&[99.0, 98.0], 14.0, 100.0), [Some(100.0), Some(86.0)]);
        assert_eq!(apart(&[1.0, 2.0, 3.0], 10.0, 10.0), [Some(0.0), Some(10.0), None]);
    }

    proptest! {
        #[test]
        fn no_name_lies_on_another(wanted in prop::collection::vec(0.0..200.0, 0..40)) {
            let mut found: Vec<_> = apart(&wanted, 14.0, 200.0).into_iter().flatten().collect();
            prop_assert_eq!(found.len(), wanted.len().min(15));
            found.sort_by(f64::total_cmp);
            prop_assert!(found.iter().all(|at| (-1e-9..=200.0).contains(at)), "{:?}", found);
            prop_assert!(found.windows(2).all(|two| two[1] - two[0] > 13.999), "{:?}", found);
        }
    }
}
