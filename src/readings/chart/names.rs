//! Names that tell devices apart.

use super::Series;

/// How many characters of its id tell a device from another of its name.
const OF_ID: usize = 8;

/// What each series is called where all of these are shown: its name, with the beginning of its id
/// where another one has that name, too.
pub fn distinct(series: &[&Series]) -> Vec<String> {
    let name = |one: &Series| one.label().trim().to_owned();
    let names: Vec<_> = series.iter().map(|one| name(one)).collect();
    let shared = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
    let full = |(one, name): (&&Series, &String)| match shared(name) && one.name.is_some() {
        true => format!("{name} ({})", beginning(&one.id)),
        false => name.clone(),
    };
    series.iter().zip(&names).map(full).collect()
}

fn beginning(id: &str) -> String {
    id.chars().take(OF_ID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_devices_of_one_name_stay_two() {
        let series = |id: &str, name: Option<&str>| Series {
            id: id.to_owned(),
            name: name.map(str::to_owned),
        };
        let all = [
            series("0f3a9c52-6b1e", Some("Room")),
            series("1b7e2d90-3c55", Some("Room ")),
            series("2c90f7a1-77de", Some("寝室")),
            series("sensor-of-the-cellar", None),
        ];
        let names = distinct(&all.iter().collect::<Vec<_>>());
        assert_eq!(names, ["Room (0f3a9c52)", "Room (1b7e2d90)", "寝室", "sensor-of-the-cellar"]);
    }
}
