# SPDX-License-Identifier: MIT
"""Commands for gdb that read the allocator of a stopped Quarry.

    quarry zones        zones: range, pages, watermarks
    quarry free         free blocks by zone, type and order; walks the lists and says
                        where they disagree with the counts
    quarry caches [all] object caches in use: slabs, objects, what lies in magazines
    quarry page WHAT    the page of a frame number, or of an address (0x...)
    quarry window       areas of the mapping window: where, how long, and what for
    quarry log          the end of the kernel's log

They read memory only, and call nothing in the kernel, so they work wherever it stopped, also
in the middle of an allocation.  Layouts come from the debug information; names are those of
mm/internal/{page,buddy,zone,slab,magazine,window}.h.
"""

import gdb

PAGE_SHIFT = 12
PFN_NONE = 0xFFFFFFFF
# Virtual minus physical address of low memory: kernel/layout.h, whose macros gdb cannot see.
KERNEL_BASE = 0xC0000000
# A damaged list may be a cycle: no walk is longer than this.
WALK_MAX = 1 << 20


def symbol(name):
    """A variable of the kernel's, or an error that says what to do."""
    try:
        return gdb.parse_and_eval(name)
    except gdb.error as error:
        raise gdb.GdbError(f"quarry: {error} (is this build/quarry.elf, and has it booted?)")


def constant(name):
    return int(symbol(name))


def enum_names(type_name, prefix):
    """The enumerators of an enum: value -> name in lower case, without the prefix."""
    fields = gdb.lookup_type(type_name).fields()
    return {f.enumval: f.name.removeprefix(prefix).lower() for f in fields}


def zones():
    """The zones of this machine."""
    table = symbol("zones")
    first, last = table.type.range()
    found = [table[i] for i in range(first, last + 1) if int(table[i]["present"])]
    if not found:
        raise gdb.GdbError("quarry: there are no zones yet: mm_init() has not run")
    return found


def nr_orders():
    first, last = gdb.lookup_type("struct buddy_lists")["head"].type.range()
    return last - first + 1


def page_of(pfn):
    """struct page of a frame; None if the page array does not cover it."""
    array = symbol("page_array")
    if not int(array["start"]) <= pfn < int(array["end"]):
        return None
    page = gdb.lookup_type("struct page")
    address = (int(array["bias"]) + pfn * page.sizeof) & 0xFFFFFFFF
    return gdb.Value(address).cast(page.pointer()).dereference()


def walk_free_list(head):
    """Frame numbers on a free list of a buddy allocator."""
    pfn = int(head)
    for _ in range(WALK_MAX):
        if pfn == PFN_NONE:
            return
        yield pfn
        page = page_of(pfn)
        if page is None:
            raise gdb.GdbError(f"quarry: a free list leads to frame {pfn:#x}, which does not exist")
        pfn = int(page["next"])
    raise gdb.GdbError("quarry: a free list is a cycle")


def walk_list(head, type_name, member="link"):
    """Structures on a struct list, whose head is not one of them."""
    container = gdb.lookup_type(type_name)
    offset = next(f.bitpos // 8 for f in container.fields() if f.name == member)
    link = head["next"]
    for _ in range(WALK_MAX):
        if int(link) == int(head.address):
            return
        yield gdb.Value(int(link) - offset).cast(container.pointer()).dereference()
        link = link["next"]
    raise gdb.GdbError("quarry: a list is a cycle")


class Quarry(gdb.Command):
    """Look at Quarry's allocator: quarry zones|free|caches|page|window|log"""

    def __init__(self):
        super().__init__("quarry", gdb.COMMAND_DATA, prefix=True)


class Zones(gdb.Command):
    """Zones: range, pages present and managed, free, watermarks."""

    def __init__(self):
        super().__init__("quarry zones", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        print(f"{'zone':<8}{'start':>12}{'end':>12}{'present':>10}{'managed':>10}{'free':>10}"
              f"{'min':>8}{'low':>8}{'high':>8}")
        for zone in zones():
            buddy = zone["buddy"]
            start = int(buddy["start"]) << PAGE_SHIFT
            end = int(buddy["end"]) << PAGE_SHIFT
            print(f"{zone['name'].string():<8}{start:>#12x}{end:>#12x}{int(zone['present']):>10}"
                  f"{int(zone['managed']):>10}{int(buddy['nr_free']):>10}"
                  f"{int(zone['min']):>8}{int(zone['low']):>8}{int(zone['high']):>8}")


class Free(gdb.Command):
    """Free blocks by zone, type and order, counted by walking the lists."""

    def __init__(self):
        super().__init__("quarry free", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        orders = range(nr_orders())
        type_names = enum_names("enum block_type", "BLOCK_")
        print(f"{'zone':<8}{'type':<8}" + "".join(f"{order:>7}" for order in orders))
        for zone in zones():
            pages = 0
            for index, name in sorted(type_names.items()):
                lists = self.lists_of(zone, index)
                if lists is None:
                    continue
                counts = [self.count(zone, lists, order) for order in orders]
                pages += sum(count << order for order, count in zip(orders, counts))
                print(f"{zone['name'].string():<8}{name:<8}" + "".join(f"{n:>7}" for n in counts))
            claimed = int(zone["buddy"]["nr_free"]) + int(zone["buddy"]["nr_isolated"])
            agree = "as counted" if pages == claimed else f"but nr_free says {claimed}"
            print(f"{zone['name'].string():<8}{pages} pages, {agree}")

    @staticmethod
    def lists_of(zone, index):
        lists = zone["buddy"]["types"]
        return lists[index] if index <= lists.type.range()[1] else None

    @staticmethod
    def count(zone, lists, order):
        walked = sum(1 for _ in walk_free_list(lists["head"][order]))
        counted = int(lists["count"][order])
        if walked != counted:
            print(f"{zone['name'].string()}: order {order}: {walked} blocks on the list, counted {counted}")
        return walked


class Caches(gdb.Command):
    """Object caches in use: size, slabs, live objects, objects in magazines.

    quarry caches all: those without a slab, too."""

    def __init__(self):
        super().__init__("quarry caches", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        print(f"{'cache':<24}{'object':>8}{'slot':>8}{'order':>6}{'slabs':>7}{'empty':>7}"
              f"{'live':>9}{'cached':>8}")
        for cache in walk_list(symbol("cache_list"), "struct kmem_cache"):
            if not int(cache["nr_slabs"]) and argument != "all":
                continue
            cached = self.cached(cache)
            print(f"{cache['name'].string():<24}{int(cache['object_size']):>8}{int(cache['size']):>8}"
                  f"{int(cache['order']):>6}{int(cache['nr_slabs']):>7}{int(cache['nr_empty']):>7}"
                  f"{int(cache['nr_taken']) - cached:>9}{cached:>8}")

    @staticmethod
    def cached(cache):
        count = int(cache["nr_depot"])
        for cpu in range(symbol("kmalloc_stacks")[0].type.range()[1] + 1):
            stack = cache["stacks"][cpu]
            if int(stack["magazine"]):
                count += int(stack["top"] - stack["magazine"]["slots"][0].address)
        return count


class Page(gdb.Command):
    """The page of a frame number, or of an address: quarry page 0x1234 | 0xc0200000

    A number below the end of the page array is a frame, a larger one an address in the
    direct map."""

    def __init__(self):
        super().__init__("quarry page", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("usage: quarry page FRAME|ADDRESS")
        value = self.number(argument)
        array = symbol("page_array")
        pfn = value
        if value >= int(array["end"]):
            if not 0 <= value - KERNEL_BASE < int(array["low_bytes"]):
                raise gdb.GdbError(f"quarry: {value:#x} is neither a frame nor an address of low memory")
            pfn = (value - KERNEL_BASE) >> PAGE_SHIFT
        page = page_of(pfn)
        if page is None:
            raise gdb.GdbError(f"quarry: frame {pfn:#x} has no struct page")
        self.show(pfn, page)

    @staticmethod
    def number(argument):
        """Of an expression: a number, a pointer, or a variable, which stands for its address."""
        value = gdb.parse_and_eval(argument)
        if value.type.strip_typedefs().code in (gdb.TYPE_CODE_ARRAY, gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_FUNC):
            value = value.address
        return int(value) & 0xFFFFFFFF

    @staticmethod
    def show(pfn, page):
        kinds = enum_names("enum page_kind", "PAGE_")
        kind = kinds.get(int(page["kind"]), f"damaged ({int(page['kind'])})")
        print(f"frame {pfn:#x}, physical {pfn << PAGE_SHIFT:#x}: {kind}")
        if kind not in ("hole", "reserved"):
            print(f"  zone {symbol('zones')[int(page['zone'])]['name'].string()}")
        if kind == "vmalloc" or kind == "large" and int(page["window"]):
            print(f"  mapped at {int(page['window']):#x}")
        if kind in ("free", "listed", "block", "large"):
            print(f"  order {int(page['order'])}, references {int(page['refs'])}")
        if kind == "free":
            for name in ("prev", "next"):
                link = int(page[name])
                print(f"  {name} " + ("none" if link == PFN_NONE else f"{link:#x}"))
        if kind == "slab":
            slab = page["slab"].dereference()
            print(f"  cache {slab['cache']['name'].string()}, slab at {int(slab['base']):#x}: "
                  f"{int(slab['nr_taken'])} of {int(slab['nr'])} objects taken")


class Window(gdb.Command):
    """Live areas of the mapping window, and how much is stale: freed, but not flushed yet."""

    def __init__(self):
        super().__init__("quarry window", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        window = symbol("window")
        edges = self.set_bits(window["edges"], int(window["nr_pages"]))
        for first, guard in zip(edges[::2], edges[1::2]):
            address = int(window["start"]) + (first << PAGE_SHIFT)
            print(f"{address:#x}  {guard - first:>6} pages  {self.use_of(address)}")
        if len(edges) % 2:
            print("the last area has no guard page: the edges are damaged")
        waiting = (int(window["tail"]) - int(window["head"])) & 0xFFFFFFFF
        print(f"{int(window['used'])} of {int(window['nr_pages'])} pages used, "
              f"{int(window['stale_pages'])} stale in {waiting} areas")

    @staticmethod
    def set_bits(bits, count):
        words = (count + 31) // 32
        data = bytes(gdb.selected_inferior().read_memory(int(bits), 4 * words)) if words else b""
        number = int.from_bytes(data, "little")
        return [i for i in range(number.bit_length()) if number >> i & 1] if number else []

    @staticmethod
    def use_of(address):
        """By the kind of the first page, which the page tables tell."""
        table = symbol("kernel_pd")[(address - KERNEL_BASE) >> 21]
        if not int(table["low"]) & 1:
            return "not mapped"
        entry = (int(table["low"]) & 0xFFFFF000) + KERNEL_BASE + 8 * (address >> PAGE_SHIFT & 511)
        data = gdb.selected_inferior().read_memory(entry, 8)
        value = int.from_bytes(bytes(data), "little")
        page = page_of((value & 0x000FFFFFFFFFF000) >> PAGE_SHIFT)
        if not value & 1 or page is None:
            return "not mapped"
        kind = enum_names("enum page_kind", "PAGE_").get(int(page["kind"]))
        owned = int(page["window"]) == address
        return {"vmalloc": "vmalloc", "large": "kmalloc"}.get(kind, "vmap") if owned else "vmap"


class Log(gdb.Command):
    """The end of the kernel's log, from its ring in memory."""

    def __init__(self):
        super().__init__("quarry log", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        ring, end = symbol("log_ring"), constant("log_ring_end")
        size = ring.type.sizeof
        data = bytes(gdb.selected_inferior().read_memory(int(ring.address), size))
        if end > size:
            data = data[end % size:] + data[:end % size]
            data = data[data.find(b"\n") + 1:]  # the first line has lost its beginning
        else:
            data = data[:end]
        print(data.decode("ascii", "replace"), end="")


for command in (Quarry, Zones, Free, Caches, Page, Window, Log):
    command()
