//! The environment of an image: the base's, with some variables changed.

use std::collections::BTreeMap;

use super::{ImageError, syntax};
use crate::nearest;

/// The base's variables in its order, changed where they are, then those that it has not got, by name.
pub(super) fn merged(base: &[String], own: &BTreeMap<String, String>) -> Result<Vec<String>, ImageError> {
    let mut env: Vec<String> = Vec::with_capacity(base.len() + own.len());
    let mut values = BTreeMap::new();
    for (name, value) in base.iter().map(|pair| pair.split_once('=').unwrap_or((pair, ""))) {
        values.insert(name, value);
    }
    let mut left = BTreeMap::new();
    for (name, value) in own {
        if !syntax::is_variable(name, value) {
            return Err(ImageError::Variable { name: name.clone() });
        }
        left.insert(name.as_str(), expanded(name, value, &values)?);
    }
    for pair in base {
        let name = pair.split_once('=').map_or(pair.as_str(), |(name, _)| name);
        match left.remove(name) {
            Some(value) => env.push(format!("{name}={value}")),
            // Engines take the last of several.
            None if own.contains_key(name) => {}
            None => env.push(pair.clone()),
        }
    }
    env.extend(left.into_iter().map(|(name, value)| format!("{name}={value}")));
    Ok(env)
}

fn expanded(name: &str, text: &str, values: &BTreeMap<&str, &str>) -> Result<String, ImageError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, after) = (&rest[..start], &rest[start + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let Some((variable, after)) = after.split_once('}') else {
            return Err(ImageError::Unclosed { name: name.to_owned(), value: text.to_owned() });
        };
        let value = values.get(variable).ok_or_else(|| ImageError::UnknownVariable {
            name: name.to_owned(),
            variable: variable.to_owned(),
            nearest: nearest(variable, values.keys().copied()).first().map(|name| (*name).to_owned()),
        })?;
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn merge(base: &[&str], own: &[(&str, &str)]) -> Result<Vec<String>, ImageError> {
        let base: Vec<String> = base.iter().map(|&pair| pair.to_owned()).collect();
        merged(&base, &own.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    #[test]
    fn variables_are_changed_where_they_are() {
        let base = ["PATH=/bin", "A=1", "EMPTY=", "A=2"];
        let own = [("A", "3"), ("Z", "last"), ("B", "${A}-${EMPTY}$A"), ("PATH", "/x:${PATH}:/y")];
        assert_eq!(merge(&base, &own).unwrap(), ["PATH=/x:/bin:/y", "A=3", "EMPTY=", "B=2-$A", "Z=last"]);
        assert_eq!(merge(&[], &[("A", "$${PATH} $$ $")]).unwrap(), ["A=${PATH} $$ $"]);
    }

    #[test]
    fn mistakes_are_told() {
        for (name, value, expected) in [
            ("A", "${PAHT}", "the variable `A` has `${PAHT}`, which the base does not have"),
            ("A", "x${PATH", "the variable `A` has `${` without its `}`: `x${PATH`"),
            ("A=B", "", "`A=B` cannot be the name of a variable, or its value has a NUL"),
            ("", "", "`` cannot be the name of a variable, or its value has a NUL"),
        ] {
            assert_eq!(merge(&["PATH=/bin"], &[(name, value)]).unwrap_err().to_string(), expected);
        }
        let error = merge(&["PATH=/bin"], &[("A", "${PAHT}")]).unwrap_err();
        assert_eq!(error.helps(), ["did you mean `${PATH}`?"]);
    }

    proptest! {
        #[test]
        fn what_has_no_dollar_stays(name in "[A-Z_]{1,8}", value in "[^$\0]*") {
            prop_assert_eq!(merge(&[], &[(&name, &value)]).unwrap(), [format!("{name}={value}")]);
        }

        #[test]
        fn escaped_stays(value in "\\PC*") {
            let escaped = value.replace("${", "$${");
            // A dollar before it would be taken for the escape.
            prop_assume!(!value.contains("$${"));
            prop_assert_eq!(merge(&[], &[("A", &escaped)]).unwrap(), [format!("A={value}")]);
        }
    }
}
