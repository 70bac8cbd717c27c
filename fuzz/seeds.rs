//! Writes the seed corpus of the fuzz targets: the forged programs and objects that the tests damage,
//! and every file that is named on the command line (small programs; large ones only slow it down).

use std::fs;
use std::path::Path;

use handpie_testkit::forge::macho::{self, MachO};
use handpie_testkit::forge::pe::{self, Pe};
use handpie_testkit::forge::{GoPie, object};

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for machine in [62, 183] {
        for relocations in [1, 12, 400] {
            for sections in [true, false] {
                for sections_last in [false, true] {
                    let forge = GoPie {
                        relocations,
                        machine,
                        sections,
                        sections_last,
                    };
                    seeds.push(forge.build());
                }
            }
        }
    }
    for path in std::env::args_os().skip(1) {
        seeds.push(fs::read(path)?);
    }
    for target in ["parse", "convert"] {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        for (index, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{index:02}")), seed)?;
        }
    }
    seeds.extend(other_formats());
    for target in ["check", "vuln"] {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        for (index, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{index:02}")), seed)?;
        }
    }
    let folder = corpus.join("link");
    fs::create_dir_all(&folder)?;
    for machine in object::MACHINES {
        let seed = object::Object::of(machine).build();
        fs::write(folder.join(format!("seed-{machine}")), seed)?;
    }
    println!("{} seeds in {}", seeds.len(), corpus.display());
    Ok(())
}

/// Mach-O and PE files with everything that is looked at.
fn other_formats() -> Vec<Vec<u8>> {
    let whole = MachO {
        rpaths: vec!["/tmp/lib"],
        encryption: Some(0),
        build_info: Some(b"\xff Go buildinf:\x08\x02".to_vec()),
        ..MachO::default()
    };
    let powerpc = MachO {
        big_endian: true,
        cpu_type: macho::POWERPC,
        ..whole.clone()
    };
    let fat = macho::fat(&[whole.build(), powerpc.build()], false);
    let pe = [pe::AMD64, pe::I386].map(|machine| Pe {
        symbols: vec!["main"],
        ..Pe::of(machine)
    });
    let pe = pe.iter().map(Pe::build);
    pe.chain([whole.build(), powerpc.build(), fat]).collect()
}
