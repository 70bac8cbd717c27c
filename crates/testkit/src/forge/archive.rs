//! Forges archives, in the form of GNU ar.

/// An archive of members with names of at most 15 letters.
pub fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = b"!<arch>\n".to_vec();
    for (name, data) in members {
        file.extend(header(&format!("{name}/"), data.len()));
        file.extend(*data);
        if data.len() % 2 == 1 {
            file.push(b'\n');
        }
    }
    file
}

/// A thin archive that names these files.
pub fn thin(names: &[&str]) -> Vec<u8> {
    let table: String = names.iter().map(|name| format!("{name}/\n")).collect();
    let mut file = b"!<thin>\n".to_vec();
    file.extend(header("//", table.len()));
    file.extend(table.bytes());
    if table.len() % 2 == 1 {
        file.push(b'\n');
    }
    let mut start = 0;
    for name in names {
        file.extend(header(&format!("/{start}"), 1000));
        start += name.len() + 2;
    }
    file
}

fn header(name: &str, size: usize) -> Vec<u8> {
    format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 644).into_bytes()
}
