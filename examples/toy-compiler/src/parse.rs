//! The language: each line assigns a number to a name, or prints one.

use anyhow::{Context, bail};

/// A line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    Assign(String, Expression),
    Print(Expression),
}

/// A number that is worked out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    Number(i64),
    Name(String),
    Binary(Operator, Box<Expression>, Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
}

/// So deep may parentheses be.
const MAX_DEPTH: usize = 100;

/// All lines; a name has a value before it is used.
pub(crate) fn parse(text: &str) -> anyhow::Result<Vec<Statement>> {
    let mut program = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let parsed = statement(line, &mut names);
        program.push(parsed.with_context(|| format!("line {number}"))?);
    }
    Ok(program)
}

fn statement(line: &str, names: &mut Vec<String>) -> anyhow::Result<Statement> {
    if let Some(rest) = line.strip_prefix("print ") {
        return Ok(Statement::Print(whole(rest, names)?));
    }
    let (name, rest) = line.split_once('=').context("neither `print` nor `=`")?;
    let name = name.trim();
    if !is_name(name) {
        bail!("`{name}` is no name");
    }
    let value = whole(rest, names)?;
    names.push(name.to_owned());
    Ok(Statement::Assign(name.to_owned(), value))
}

fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric())
}

fn whole(text: &str, names: &[String]) -> anyhow::Result<Expression> {
    let mut parser = Parser { rest: text, names };
    let value = parser.sum(0)?;
    match parser.peek() {
        None => Ok(value),
        Some(_) => bail!("`{}` is too much", parser.rest.trim()),
    }
}

struct Parser<'a> {
    rest: &'a str,
    names: &'a [String],
}

impl Parser<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn sum(&mut self, depth: usize) -> anyhow::Result<Expression> {
        let mut left = self.product(depth)?;
        loop {
            let operator = match self.peek() {
                Some('+') => Operator::Add,
                Some('-') => Operator::Subtract,
                _ => return Ok(left),
            };
            self.rest = &self.rest[1..];
            left = Expression::Binary(operator, left.into(), self.product(depth)?.into());
        }
    }

    fn product(&mut self, depth: usize) -> anyhow::Result<Expression> {
        let mut left = self.atom(depth)?;
        while self.peek() == Some('*') {
            self.rest = &self.rest[1..];
            let right = self.atom(depth)?;
            left = Expression::Binary(Operator::Multiply, left.into(), right.into());
        }
        Ok(left)
    }

    fn atom(&mut self, depth: usize) -> anyhow::Result<Expression> {
        if self.peek() == Some('(') {
            if depth == MAX_DEPTH {
                bail!("more than {MAX_DEPTH} parentheses in one another");
            }
            self.rest = &self.rest[1..];
            let inner = self.sum(depth + 1)?;
            if self.peek() != Some(')') {
                bail!("`)` is missing");
            }
            self.rest = &self.rest[1..];
            return Ok(inner);
        }
        let is_part = |letter: char| letter.is_ascii_alphanumeric();
        let end = self.rest.find(|letter| !is_part(letter));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        if let Ok(number) = word.parse() {
            return Ok(Expression::Number(number));
        }
        match self.names.iter().any(|name| name == word) {
            true => Ok(Expression::Name(word.to_owned())),
            false => bail!("`{word}` has no value"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_go_before_sums() {
        let text = "a = 2\nprint a + 3 * (a - 1) # and no more\n";
        let program = parse(text).unwrap();
        let [
            _,
            Statement::Print(Expression::Binary(Operator::Add, left, right)),
        ] = &program[..]
        else {
            panic!("{program:?}");
        };
        assert_eq!(**left, Expression::Name("a".into()));
        assert!(matches!(
            **right,
            Expression::Binary(Operator::Multiply, ..)
        ));
    }

    #[test]
    fn a_mistake_is_said_with_its_line() {
        for (text, why) in [
            ("a = 1\nprint b", "line 2: `b` has no value"),
            ("print (1", "line 1: `)` is missing"),
            ("print 1 2", "line 1: `2` is too much"),
            ("1 = 2", "line 1: `1` is no name"),
            ("x", "line 1: neither `print` nor `=`"),
        ] {
            assert_eq!(format!("{:#}", parse(text).unwrap_err()), why);
        }
    }
}
