//! Where a program and its regions are in memory, from `/proc/PID/{maps,auxv,stat}`.

use handpie_binary::{Address, Offset};
use nix::unistd::Pid;

use crate::entropy::Region;
use crate::observe::{self, Mapping};
use crate::program::Program;

/// Where the program is in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// Device and inode as `/proc/PID/maps` writes them, which need not be what stat(2) says.
    pub(crate) file: (String, u64),
    /// What the kernel added to the link addresses.
    pub(crate) bias: u64,
}

impl Image {
    /// Finds the program in a process that has just been loaded.
    pub(crate) fn at_exec(pid: Pid, program: &Program, page_size: u64) -> Option<Self> {
        let auxv = observe::auxv(pid, program.word_size);
        let maps = observe::maps(pid);
        // The file that holds AT_ENTRY is the program; a loader has its own place.
        let inside = |map: &&Mapping, at: u64| (map.start..map.end).contains(&at);
        let places = [auxv.entry, auxv.program_headers];
        let file = places.into_iter().flatten().find_map(|at| {
            let map = maps.iter().find(|map| inside(map, at))?;
            map.file.clone()
        })?;
        let image = Self {
            file,
            bias: auxv.entry?.wrapping_sub(program.entry.0),
        };
        Some(image.now(&maps, program, page_size))
    }

    /// The same program in the memory of later.
    pub(crate) fn now(self, maps: &[Mapping], program: &Program, page_size: u64) -> Self {
        let own = maps
            .iter()
            .filter(|map| map.file.as_ref() == Some(&self.file));
        let bias = own.into_iter().find_map(|map| {
            let address = program.page_at(Offset(map.offset), page_size)?;
            Some(map.start.wrapping_sub(address.0))
        });
        Self {
            bias: bias.unwrap_or(self.bias),
            ..self
        }
    }

    fn contains(&self, map: &Mapping, program: &Program) -> bool {
        let starts = program.loads.iter().map(|segment| segment.address.0);
        let ends = program.loads.iter().map(|segment| segment.memory_end().0);
        let (start, end) = (starts.min().unwrap_or(0), ends.max().unwrap_or(0));
        // Relative to the bias, so that nothing wraps; pages are rounded down by their start.
        let at = map.start.wrapping_sub(self.bias);
        map.file.as_ref() == Some(&self.file) || (at >= start && at < end)
    }
}

/// The regions that the kernel lays out.
pub(crate) fn kernel_regions(pid: Pid, program: &Program, page_size: u64) -> Vec<(Region, u64)> {
    let mut regions = Vec::new();
    let Some(image) = Image::at_exec(pid, program, page_size) else {
        return regions;
    };
    let stat = observe::stat(pid).unwrap_or_default();
    let in_memory = |address: Address| image.bias.wrapping_add(address.0 - address.0 % page_size);
    regions.extend(
        program
            .text()
            .map(|it| (Region::Text, in_memory(it.address))),
    );
    regions.extend(
        program
            .data()
            .map(|it| (Region::Data, in_memory(it.address))),
    );
    let told = [
        (Region::Brk, stat.start_brk),
        (Region::Stack, stat.start_stack),
    ];
    regions.extend(told.into_iter().filter(|(_, address)| *address != 0));
    let vdso = observe::auxv(pid, program.word_size).vdso;
    regions.extend(vdso.map(|address| (Region::Vdso, address)));
    regions
}

/// The regions that the program has made itself.
pub(crate) fn made_regions(
    maps: &[Mapping],
    image: &Image,
    program: &Program,
    page_size: u64,
) -> Vec<(Region, u64)> {
    let mut regions = Vec::new();
    let anonymous = |map: &&Mapping| map.is_anonymous() && !image.contains(map, program);
    let arena = if program.is_go { go_arena(maps) } else { None };
    let in_arena =
        |map: &Mapping| arena.is_some_and(|(start, end)| (start..end).contains(&map.start));
    let usable = |map: &&Mapping| in_arena(map) && map.writable;
    regions.extend(
        maps.iter()
            .find(usable)
            .map(|map| (Region::GoHeap, map.start)),
    );
    let mut outside = maps
        .iter()
        .rev()
        .filter(anonymous)
        .filter(|map| !in_arena(map));
    regions.extend(outside.next().map(|map| (Region::Mmap, map.start)));
    let now = image.clone().now(maps, program, page_size);
    if now.bias != image.bias
        && let Some(text) = program.text()
    {
        regions.push((Region::MovedText, now.bias.wrapping_add(text.address.0)));
    }
    regions
}

/// The arenas of Go's heap: anonymous memory side by side, of a multiple of 64 MiB at a multiple of
/// 64 MiB, some of it reserved only (`heapArenaBytes` in Go's `runtime/malloc.go`, 64-bit Linux).
fn go_arena(maps: &[Mapping]) -> Option<(u64, u64)> {
    const ARENA: u64 = 64 << 20;
    maps.chunk_by(|a, b| a.end == b.start && a.is_anonymous() && b.is_anonymous())
        .filter(|group| group.iter().all(Mapping::is_anonymous))
        .filter_map(|group| Some((group.first()?.start, group.last()?.end)))
        .find(|(start, end)| start % ARENA == 0 && end % ARENA == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::parse_maps;

    #[test]
    fn the_arena_of_go_is_found_by_its_size_and_place() {
        let text = "\
400000-485000 r-xp 0 fe:00 7 /x
547000-57d000 rw-p 0 00:00 0 
14d444000000-14d444800000 ---p 0 00:00 0 
14d444800000-14d444c00000 rw-p 0 00:00 0 
14d444c00000-14d448000000 ---p 0 00:00 0 
7f7babe60000-7f7bac000000 rw-p 0 00:00 0 
7f7bac000000-7f7bae000000 rw-p 0 00:00 0 
";
        let maps = parse_maps(text);
        assert_eq!(go_arena(&maps), Some((0x14d4_4400_0000, 0x14d4_4800_0000)));
        let named = text.replace(
            "---p 0 00:00 0 ",
            "---p 0 00:00 0 [anon: Go: heap reservation]",
        );
        assert!(go_arena(&parse_maps(&named)).is_some());
        assert_eq!(go_arena(&maps[..2]), None);
        assert_eq!(go_arena(&[]), None);
    }
}
