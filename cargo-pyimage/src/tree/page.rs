//! The picture for a browser: one page that asks nobody for anything.

use serde_json::{Value, json};

use super::{Forest, Kind, Node, Rectangle, Tree, squarify};

/// What is around the data.
const PAGE: &str = include_str!("page.html");
/// What is smaller than one of so many parts of an image is not shown for itself.
const CRUMBS: u64 = 3000;
/// The window that rectangles are cut for. Another one stretches them, and turns them where it is rather the other way.
const WINDOW: (f64, f64) = (1400.0, 800.0);
/// The room around the parts of a node, and what its name takes above them.
const FRAME: (f64, f64) = (4.0, 22.0);

impl Forest {
    /// The page. It has no other files, and forbids itself any request.
    #[must_use]
    pub fn page(&self) -> String {
        let trees: Vec<Value> = self.trees.iter().map(Tree::json).collect();
        let data = json!({ "image": self.image, "digest": self.digest, "platforms": trees });
        // Nothing in it may end the element that it is in.
        let data = data.to_string().replace('<', r"\u003c");
        PAGE.replace("{{title}}", &escaped(&self.image)).replace("{{data}}", &data)
    }
}

impl Tree {
    fn json(&self) -> Value {
        let least = (self.root.size / CRUMBS).max(1);
        let root = self.root.without_crumbs(least);
        let mut tree = json(&root, WINDOW);
        if let Some(layers) = tree["c"].as_array_mut() {
            // By size they may be in another order.
            for layer in layers {
                let place = layer["i"].as_u64().and_then(|place| usize::try_from(place).ok());
                let shared = place.and_then(|place| self.shared.get(place)).into_iter().flatten();
                let shared: Vec<_> = shared.map(ToString::to_string).collect();
                layer["o"] = json!(shared);
            }
        }
        json!({ "platform": self.platform.to_string(), "packed": self.packed, "root": tree })
    }
}

/// A node with the places of its parts, each as a fraction of the room for all of them.
fn json(node: &Node, (width, height): (f64, f64)) -> Value {
    let mut value = json!({ "n": node.name, "k": kind(node.kind), "s": node.size });
    if node.parts.is_empty() {
        return value;
    }
    let mut parts: Vec<(usize, &Node)> = node.parts.iter().enumerate().collect();
    parts.sort_by_key(|(_, part)| std::cmp::Reverse(part.size));
    let sizes: Vec<u64> = parts.iter().map(|(_, part)| part.size).collect();
    let (width, height) = ((width - FRAME.0).max(8.0), (height - FRAME.1).max(8.0));
    let places = squarify(&sizes, Rectangle { x: 0.0, y: 0.0, width, height });
    let parts = parts.iter().zip(places).map(|((number, part), place)| {
        let mut value = json(part, (place.width, place.height));
        let fractions =
            [place.x / width, place.y / height, place.width / width, place.height / height].map(rounded);
        value["r"] = json!(fractions);
        value["i"] = json!(number);
        value
    });
    value["c"] = parts.collect();
    value["a"] = json!(rounded(width / height));
    value
}

fn rounded(number: f64) -> f64 {
    (number * 1e5).round() / 1e5
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Image => "image",
        Kind::Base => "base",
        Kind::Wheels => "wheels",
        Kind::Layer => "layer",
        Kind::Unread => "unread",
        Kind::Wheel => "wheel",
        Kind::Folder => "folder",
        Kind::File => "file",
        Kind::Rest => "rest",
    }
}

fn escaped(text: &str) -> String {
    let text = pyimage_build::printable(text.as_bytes());
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forest(name: &str) -> Forest {
        let file =
            |name: &str, size| Node { name: name.to_owned(), kind: Kind::File, size, parts: Vec::new() };
        let layer = |kind, parts: Vec<Node>| {
            let size = parts.iter().map(|part| part.size).sum();
            Node { name: name.to_owned(), kind, size, parts }
        };
        let small = layer(Kind::Layer, vec![file("a", 5), file("</script><script>alert(1)", 3)]);
        let large =
            layer(Kind::Wheels, (0..100).map(|number| file(&number.to_string(), 9 + number)).collect());
        let platform: pyimage_build::Platform = "linux/amd64".parse().unwrap();
        let shared = vec![vec!["linux/arm64".parse().unwrap()], Vec::new()];
        let tree = Tree { platform, packed: 7, root: layer(Kind::Image, vec![small, large]), shared };
        Forest { image: name.to_owned(), digest: None, trees: vec![tree] }
    }

    fn data(page: &str) -> Value {
        let start = page.split_once(r#"<script id="data" type="application/json">"#).unwrap().1;
        serde_json::from_str(start.split_once("</script>").unwrap().0).unwrap()
    }

    #[test]
    fn a_name_cannot_leave_its_place() {
        let name = "</script><img src=x onerror=alert(1)>\u{1b}[2J";
        let page = forest(name).page();
        assert!(!page.contains("<img"), "{page}");
        assert!(page.contains("<title>&lt;/script&gt;&lt;img"), "{page}");
        assert_eq!(page.matches("</script>").count(), 2, "the data's end and the code's");
        let data = data(&page);
        assert_eq!(data["image"], name);
        let layers = data["platforms"][0]["root"]["c"].as_array().unwrap();
        assert_eq!(layers[0]["k"], "wheels", "the largest first");
        assert_eq!((&layers[0]["o"], &layers[1]["o"]), (&json!([]), &json!(["linux/arm64"])));
        assert_eq!(layers[1]["c"][1]["n"], "</script><script>alert(1)");
    }

    #[test]
    fn places_are_fractions_of_what_is_above() {
        fn check(node: &Value) {
            let Some(parts) = node["c"].as_array() else { return };
            let sum: u64 = parts.iter().map(|part| part["s"].as_u64().unwrap()).sum();
            assert_eq!(sum, node["s"].as_u64().unwrap());
            let mut area = 0.0;
            for part in parts {
                let place: Vec<f64> =
                    part["r"].as_array().unwrap().iter().map(|its| its.as_f64().unwrap()).collect();
                assert!(place[0] + place[2] < 1.0001 && place[1] + place[3] < 1.0001, "{place:?}");
                area += place[2] * place[3];
                check(part);
            }
            assert!((area - 1.0).abs() < 0.01, "{area}");
        }
        check(&data(&forest("app").page())["platforms"][0]["root"]);
    }

    #[test]
    fn the_page_asks_nobody() {
        for word in ["http://", "https://", "src=", "@import", "url(", "fetch("] {
            assert!(!PAGE.contains(word), "{word}");
        }
        assert!(PAGE.contains("default-src 'none'"));
    }
}
