use super::simulate;

#[test]
fn smoke() {
    let out = simulate("[[item]]\nid = \"DEMO-1\"\ncritic=[\"revise: no test\",\"approve\"]\n[[event]]\nat=\"5m\"\ncrash=\"10s\"").unwrap();
    println!("{out}");
    assert!(out.is_sound());
}

#[test]
fn smoke_cancel() {
    let out = simulate("[[item]]\nid = \"DEMO-1\"\n[[event]]\nat=\"10m30s\"\ncommand=\"cancel DEMO-1\"").unwrap();
    println!("{out}");
    assert!(out.is_sound());
}
