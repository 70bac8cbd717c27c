//! Reading any file ends soon, without a panic; everything that can be asked of it is asked.
#![no_main]

use handpie_binary::elf::{Kind, RelocationTable};
use handpie_binary::Image;
use handpie_binary::{Elf, go};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(elf) = Elf::parse(data) else {
        return;
    };
    let _ = Kind::of(&elf);
    if let Ok(symbols) = Image::symbols(&elf) {
        let _ = go::stamps(&elf, &symbols);
    }
    let _ = go::BuildInfo::read(&elf);
    if let Ok(Some(table)) = go::Pclntab::read(&elf) {
        assert!(table.functions().into_iter().flatten().count() <= data.len());
        assert!(table.files().into_iter().flatten().count() <= data.len());
    }
    let _ = go::packages_with_cgo_calls(&elf);
    let notes = elf.notes().expect("all of it is there").len();
    assert!(notes <= data.len());
    if let Ok(Some(dynamic)) = elf.dynamic() {
        let _ = dynamic.needed(&elf);
        if let Ok(targets) = elf.relr_targets(&dynamic) {
            assert!(targets.len() <= data.len());
        }
        for table in [RelocationTable::Rela, RelocationTable::JmpRel] {
            if let Ok(Some(relas)) = elf.relas(&dynamic, table) {
                assert_eq!(relas.iter().count(), relas.len());
            }
        }
    }
});
