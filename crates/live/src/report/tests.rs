use super::*;
use tempfile::TempDir;

fn reports(folder: &TempDir, digit: &str) -> Reports {
    Reports::of(folder.path(), SigningKey::parse(&digit.repeat(64)).unwrap())
}

fn some(outcome: &str) -> Draft {
    let mut body = Map::new();
    body.insert("outcome".into(), json!(outcome));
    body.insert("held".into(), json!([{"position": -3, "instrument": "XRP"}]));
    draft(body, None)
}

#[test]
fn reports_are_signed_and_each_names_the_one_before_it() {
    let folder = TempDir::new().unwrap();
    let reports = reports(&folder, "7");
    let first = reports.write(some("flat")).unwrap();
    let second = reports.write(some("late")).unwrap();
    let (one, two) = (verify(&first).unwrap(), verify(&second).unwrap());
    assert_eq!((one.chained, two.chained), (None, Some(true)));
    assert_eq!(one.signer, two.signer);
    assert_eq!(two.report["outcome"], json!("late"));
    assert_eq!(two.report["journal_hash"], Value::Null, "it was not to be had");
    // Another build may write keys in another order, and with other spaces.
    let whole: Value = serde_json::from_slice(&fs::read(&second).unwrap()).unwrap();
    fs::write(&second, whole.to_string()).unwrap();
    verify(&second).unwrap();
    fs::remove_file(&first).unwrap();
    assert!(matches!(verify(&second), Err(ReportError::Chain { .. })), "the one before is gone");
}

#[test]
fn a_change_of_a_report_or_of_its_signer_is_seen() {
    let folder = TempDir::new().unwrap();
    let path = reports(&folder, "7").write(some("dust")).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let other = reports(&TempDir::new().unwrap(), "8").key.address().to_string();
    let signer = verify(&path).unwrap().signer.to_string();
    for (from, to) in [("\"dust\"", "\"flat\""), ("-3", "3"), (signer.as_str(), other.as_str())] {
        assert!(text.contains(from));
        fs::write(&path, text.replace(from, to)).unwrap();
        assert!(matches!(verify(&path), Err(ReportError::Changed { .. })), "{from}");
    }
    fs::write(&path, "{}").unwrap();
    assert!(matches!(verify(&path), Err(ReportError::Unreadable { .. })));
}
