//! Reading a marker.

use super::MarkerError;
use super::expression::{Comparison, Expression, Operator, Variable, specifier};
use crate::package_name::{normalised, shown};

/// How deep parentheses may be in each other. Nobody comes near; without a limit, a hostile text has no end of stack.
const MAX_DEPTH: usize = 64;

/// Reads a text that is a marker and nothing else.
pub(super) fn marker(text: &str) -> Result<Expression, MarkerError> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let expression = parser.any()?;
    match parser.rest() {
        "" => Ok(expression),
        _ => Err(parser.expected("`and`, `or` or the end")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

enum Operand {
    Variable(Variable),
    Text(String),
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches([' ', '\t']).len();
    }

    /// The word that comes next, without moving on: letters, digits, `_` and `.`.
    fn word(&self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '_' | '.')));
        &rest[..end.unwrap_or(rest.len())]
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_next = self.word() == word;
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    fn error(&self, at: usize, reason: String) -> MarkerError {
        MarkerError { marker: self.text.to_owned(), reason, at }
    }

    fn expected(&self, what: &str) -> MarkerError {
        let column = self.text[..self.at].chars().count() + 1;
        let found = match self.word() {
            "" => self.rest().chars().next().map_or(String::new(), shown),
            word => word.to_owned(),
        };
        let reason = match found.as_str() {
            "" => format!("it ends where {what} has to be"),
            found => format!("at column {column} is `{found}`, not {what}"),
        };
        self.error(self.at, reason)
    }

    fn any(&mut self) -> Result<Expression, MarkerError> {
        self.joined("or", Self::all, |parts| match parts {
            Expression::Any(parts) => Ok(parts),
            other => Err(other),
        })
        .map(|parts| alone_or(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, MarkerError> {
        self.joined("and", Self::atom, |parts| match parts {
            Expression::All(parts) => Ok(parts),
            other => Err(other),
        })
        .map(|parts| alone_or(parts, Expression::All))
    }

    /// One or more, with the word between them. What needs no parentheses loses them.
    fn joined(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Expression, MarkerError>,
        same: fn(Expression) -> Result<Vec<Expression>, Expression>,
    ) -> Result<Vec<Expression>, MarkerError> {
        let mut parts = Vec::new();
        loop {
            match same(part(self)?) {
                Ok(inner) => parts.extend(inner),
                Err(other) => parts.push(other),
            }
            if !self.takes_word(word) {
                return Ok(parts);
            }
        }
    }

    fn atom(&mut self) -> Result<Expression, MarkerError> {
        self.skip_blanks();
        if !self.rest().starts_with('(') {
            return self.comparison().map(Expression::Is);
        }
        let opening = self.at;
        if self.depth == MAX_DEPTH {
            return Err(
                self.error(opening, format!("it has more than {MAX_DEPTH} parentheses in each other"))
            );
        }
        self.at += 1;
        self.depth += 1;
        let inner = self.any()?;
        self.depth -= 1;
        if !self.rest().starts_with(')') {
            return Err(self.expected("`and`, `or` or the closing parenthesis"));
        }
        self.at += 1;
        self.skip_blanks();
        Ok(inner)
    }

    fn comparison(&mut self) -> Result<Comparison, MarkerError> {
        let start = self.at;
        let left = self.operand()?;
        let operator = self.operator()?;
        let right = self.operand()?;
        let (variable, text, reversed) = match (left, right) {
            (Operand::Variable(variable), Operand::Text(text)) => (variable, text, false),
            (Operand::Text(text), Operand::Variable(variable)) => (variable, text, true),
            (Operand::Variable(left), Operand::Variable(right)) => {
                let reason = format!("it compares two variables, `{}` and `{}`", left.name(), right.name());
                return Err(self.error(start, reason));
            }
            (Operand::Text(left), Operand::Text(right)) => {
                let reason = format!("it compares two texts, `{left}` and `{right}`");
                return Err(self.error(start, reason));
            }
        };
        let name = variable.name();
        if variable.is_set() && !reversed {
            let reason = format!("`{name}` is a set, to be asked with `\"{text}\" in {name}`");
            return Err(self.error(start, reason));
        }
        let text = if variable == Variable::Extra || variable.is_set() { normalised(&text) } else { text };
        let is_version = variable.is_version() && !reversed;
        let specifier = if is_version { specifier(operator, &text) } else { None };
        let is_specifier = match operator {
            Operator::Arbitrary => !text.trim().contains([' ', '\t', ';', ')']),
            _ => specifier.is_some(),
        };
        // What is on the right of a turned comparison, only the environment knows.
        if !operator.compares_texts() && !(variable.is_version() && (reversed || is_specifier)) {
            let operator = operator.name();
            let what = if is_version { format!("`{text}` is none") } else { format!("`{name}` is none") };
            return Err(self.error(start, format!("`{operator}` compares versions, and {what}")));
        }
        Ok(Comparison { variable, operator, text, reversed, specifier })
    }

    fn operand(&mut self) -> Result<Operand, MarkerError> {
        self.skip_blanks();
        let rest = self.rest();
        let operand = if let Some(quote @ ('"' | '\'')) = rest.chars().next() {
            let Some(text) = rest[1..].split_once(quote).map(|(text, _)| text) else {
                return Err(self.error(self.at, format!("the text that starts with {quote} has no end")));
            };
            if let Some(letter) = text.chars().find(|letter| *letter == '\\' || letter.is_control()) {
                let letter = if letter == '\\' { "a backslash".to_owned() } else { format!("{letter:?}") };
                return Err(
                    self.error(self.at, format!("a text in quotes has {letter}, which none can have"))
                );
            }
            self.at += text.len() + 2;
            Operand::Text(text.to_owned())
        } else {
            let word = self.word();
            let variable = Variable::from_name(word);
            let Some(variable) = variable else { return Err(self.unknown(word)) };
            self.at += word.len();
            Operand::Variable(variable)
        };
        self.skip_blanks();
        Ok(operand)
    }

    fn unknown(&self, word: &str) -> MarkerError {
        match crate::nearest(word, Variable::ALL.map(Variable::name)).first() {
            Some(meant) if !word.is_empty() => {
                self.error(self.at, format!("`{word}` is no variable, `{meant}` is one"))
            }
            _ => self.expected("a variable or a text in quotes"),
        }
    }

    fn operator(&mut self) -> Result<Operator, MarkerError> {
        if self.takes_word("in") {
            return Ok(Operator::In);
        }
        if self.takes_word("not") {
            let before = self.at;
            self.skip_blanks();
            if self.at > before && self.takes_word("in") {
                return Ok(Operator::NotIn);
            }
            return Err(self.expected("`in` after `not`"));
        }
        let rest = self.rest();
        let sign = Operator::SIGNS.into_iter().find(|operator| rest.starts_with(operator.name()));
        let Some(operator) = sign else {
            return Err(self.expected("an operator, such as `==`, `>=` or `in`"));
        };
        self.at += operator.name().len();
        Ok(operator)
    }
}

fn alone_or(mut parts: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.len() {
        // One part is pushed before anything is asked.
        1 => parts.remove(0),
        _ => join(parts),
    }
}
