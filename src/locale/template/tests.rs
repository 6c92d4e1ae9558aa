use super::{Scope, Template, Value};

fn scope() -> Scope {
    let issue = Value::map([
        ("title", Value::text("Greet {{ nobody }}")),
        ("labels", Value::List(vec![Value::text("one"), Value::text("two")])),
        ("author", Value::Nothing),
    ]);
    Scope::from([("issue".to_owned(), issue), ("attempt".to_owned(), Value::Nothing)])
}

fn rendered(text: &str) -> String {
    Template::parse(text).and_then(|template| template.render(&scope())).unwrap()
}

fn refused(text: &str) -> String {
    let read = Template::parse(text).and_then(|template| template.check(&scope()));
    read.unwrap_err().to_string()
}

#[test]
fn values_are_filled_in_and_never_read_as_templates() {
    assert_eq!(rendered("Do: {{ issue.title }}{{issue.author}}."), "Do: Greet {{ nobody }}.");
    assert_eq!(rendered("{% for l in issue.labels %}<{{ l }}>{% endfor %}"), "<one><two>");
    assert_eq!(rendered("{% if attempt %}again{% else %}first{% endif %}"), "first");
    assert_eq!(rendered("{%- if issue.labels -%}{{ issue.labels }}{%- endif -%}"), "one, two");
    assert_eq!(rendered("plain } text { with braces"), "plain } text { with braces");
}

#[test]
fn every_mistake_has_its_place() {
    assert_eq!(
        refused("one\n  {{ issue.titel }}"),
        "2:3: unknown variable `issue.titel`: there is no `titel` (there are author, labels, title)"
    );
    assert_eq!(
        refused("{{ nobody }}"),
        "1:1: unknown variable `nobody` (there are attempt, issue)"
    );
    assert_eq!(
        refused("{{ issue.title | upcase }}"),
        "1:1: unknown filter in `issue.title | upcase`: there are none"
    );
    assert_eq!(refused("a {% if attempt %}b"), "1:3: there is no `endif` to this");
    assert_eq!(refused("{% endfor %}"), "1:1: `endfor` without a beginning");
    assert_eq!(refused("{% if attempt %}{% endfor %}"), "1:17: `endfor` where `endif` should be");
    assert_eq!(refused("{{ issue.title"), "1:1: there is no `}}` to this");
    assert_eq!(refused("{{ }}"), "1:1: `` is no name of a variable");
    assert_eq!(refused("{% for a in issue.title %}{% endfor %}"), "1:1: `issue.title` is no list");
    assert!(refused("{% raise %}").contains("is not understood"));
}

#[test]
fn branches_that_are_not_taken_are_checked_too() {
    let text = "{% if attempt %}{{ wrong }}{% else %}right{% endif %}";
    assert_eq!(rendered(text), "right");
    assert!(refused(text).contains("`wrong`"));
    assert!(refused("{% for a in issue.labels %}{{ a.b }}{% endfor %}").contains("a.b"));
}

#[test]
fn blocks_cannot_be_nested_without_end() {
    let deep = "{% if attempt %}".repeat(100_000);
    assert!(refused(&deep).contains("blocks inside each other"));
}
