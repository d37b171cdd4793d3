//! The kernel's ring of received frames: a packet socket with TPACKET_V3
//! ([packet_mmap](https://docs.kernel.org/networking/packet_mmap.html)).
//!
//! This is the one module of the crate that is not safe code: system calls, and memory that is shared with the kernel. It hands out
//! copies of whole blocks and never a reference into the ring, and looks at nothing in them but their status and length; what a
//! block says is read from the copy, by safe code.

use std::ffi::CString;
use std::io;
use std::mem;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::super::Instruction;

/// Bytes of a block of the ring.
pub const BLOCK: usize = super::super::feed::BLOCK;
/// The kernel hands a block over when it is full, or when its first frame is so many milliseconds old.
const RETIRE_MS: u32 = 10;

/// Where a block says whose it is, and how long (`struct tpacket_block_desc`).
const STATUS: usize = 8;
const LENGTH: usize = 20;

/// A packet socket with its ring.
pub struct Ring {
    socket: OwnedFd,
    /// The ring, `blocks` × [`BLOCK`] bytes, mapped until this is dropped.
    map: NonNull<u8>,
    blocks: usize,
    /// The block that the kernel hands over next.
    next: usize,
}

// SAFETY: the mapping belongs to this value alone and is not bound to a thread; whoever has the value has all of it.
unsafe impl Send for Ring {}

/// What the kernel counted since it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Frames that passed the filter, whether there was room for them or not.
    pub seen: u64,
    /// Those for which there was none.
    pub dropped: u64,
    /// How often all blocks were full.
    pub freezes: u64,
}

/// The number of an interface.
///
/// # Errors
/// There is none of this name.
pub fn index_of(name: &str) -> io::Result<i32> {
    let name = CString::new(name).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: the name is a string that ends in a zero and lives until the call returns.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => i32::try_from(index).map_err(io::Error::other),
    }
}

impl Ring {
    /// A socket that receives nothing yet.
    ///
    /// # Errors
    /// The process may not have one ([`io::ErrorKind::PermissionDenied`]), or the kernel has no room for the ring.
    pub fn new(blocks: usize) -> io::Result<Self> {
        let flags = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        // SAFETY: no memory is handed over. Without a protocol nothing is received before `bind`.
        let socket = unsafe { libc::socket(libc::AF_PACKET, flags, 0) };
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just opened, and nobody else knows it.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        // A frame gets its time when it arrives, and not when it comes to a ring: the same for all who listen.
        set(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &(1 as libc::c_int))?;
        set(&socket, libc::SOL_PACKET, libc::PACKET_VERSION, &(libc::tpacket_versions::TPACKET_V3 as libc::c_int))?;
        let number = |number: usize| libc::c_uint::try_from(number).map_err(io::Error::other);
        let request = libc::tpacket_req3 {
            tp_block_size: number(BLOCK)?,
            tp_block_nr: number(blocks)?,
            // Frames may have any size that fits a block; the kernel only checks that these agree.
            tp_frame_size: number(BLOCK)?,
            tp_frame_nr: number(blocks)?,
            tp_retire_blk_tov: RETIRE_MS,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        set(&socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
        let (access, shared) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: a new mapping at an address of the kernel's choice, over no memory that anyone uses.
        let map = unsafe { libc::mmap(ptr::null_mut(), blocks * BLOCK, access, shared, socket.as_raw_fd(), 0) };
        if map == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let map = NonNull::new(map.cast()).ok_or_else(|| io::Error::other("the ring lies nowhere"))?;
        Ok(Self { socket, map, blocks, next: 0 })
    }

    /// Lets only those frames in that the program accepts, from now on.
    ///
    /// # Errors
    /// The kernel refuses the program.
    pub fn filter(&self, program: &[Instruction]) -> io::Result<()> {
        let mut program: Vec<libc::sock_filter> =
            program.iter().map(|&Instruction { code, jt, jf, k }| libc::sock_filter { code, jt, jf, k }).collect();
        let len = libc::c_ushort::try_from(program.len()).map_err(io::Error::other)?;
        // The kernel copies the instructions, which live until `set` returns.
        let program = libc::sock_fprog { len, filter: program.as_mut_ptr() };
        set(&self.socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
    }

    /// Begins to receive from an interface; if `promiscuous`, also what is for others.
    ///
    /// # Errors
    /// The interface is gone or down.
    pub fn bind(&self, interface: i32, promiscuous: bool) -> io::Result<()> {
        // SAFETY: the structure is made of numbers, of which all may be zero.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        address.sll_family = libc::AF_PACKET as libc::c_ushort;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = interface;
        let size = mem::size_of_val(&address) as libc::socklen_t;
        // SAFETY: the address is a `sockaddr_ll` of that size, which lives until the call returns.
        if unsafe { libc::bind(self.socket.as_raw_fd(), (&raw const address).cast(), size) } < 0 {
            return Err(io::Error::last_os_error());
        }
        // That the interface is down is no error of the call.
        self.error()?;
        if promiscuous {
            let mr_type = libc::PACKET_MR_PROMISC as libc::c_ushort;
            let all = libc::packet_mreq { mr_ifindex: interface, mr_type, mr_alen: 0, mr_address: [0; 8] };
            set(&self.socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &all)?;
        }
        Ok(())
    }

    /// Gives frames the time that the hardware saw them at, if it did, and says so of each.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn take_hardware_times(&self) -> io::Result<()> {
        let times = libc::SOF_TIMESTAMPING_RAW_HARDWARE;
        set(&self.socket, libc::SOL_PACKET, libc::PACKET_TIMESTAMP, &times)
    }

    /// Makes a group that shares frames out, with this ring, which is bound, as its first; what others join it by. Both directions of a
    /// conversation come to one ring, and what finds it full to another.
    ///
    /// # Errors
    /// The kernel does not do that: it is older than Linux 4.12.
    pub fn found_group(&self) -> io::Result<Group> {
        set(
            &self.socket,
            libc::SOL_PACKET,
            libc::PACKET_FANOUT,
            &fanout(SHARING | libc::PACKET_FANOUT_FLAG_UNIQUEID, 0),
        )?;
        // The lower half is the number that the kernel has found for it.
        let group: libc::c_int = get(self.socket.as_raw_fd(), libc::SOL_PACKET, libc::PACKET_FANOUT)?;
        Ok(Group(group as u16))
    }

    /// Joins a group; from now on a frame comes to one of its rings alone.
    ///
    /// # Errors
    /// This ring is not bound as those of the group are.
    pub fn join(&self, group: Group) -> io::Result<()> {
        set(&self.socket, libc::SOL_PACKET, libc::PACKET_FANOUT, &fanout(SHARING, group.0))
    }

    /// Blocks of the ring.
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// Copies the next block into `out` and gives it back to the kernel; says how long it is, or that there is none yet.
    pub fn take(&mut self, out: &mut [u8]) -> Option<usize> {
        let at = self.next * BLOCK;
        // SAFETY: `next` is less than `blocks`, so the block lies inside the mapping, which lives as long as `self`. The status is
        // four aligned bytes of it, which the kernel too reads and writes as one.
        let status = unsafe { AtomicU32::from_ptr(self.map.add(at + STATUS).cast().as_ptr()) };
        if status.load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return None;
        }
        // SAFETY: as above. The block is ours until its status is stored, and the kernel writes nothing into it.
        let length = unsafe { self.map.add(at + LENGTH).cast::<u32>().read() } as usize;
        let length = length.min(BLOCK).min(out.len());
        // SAFETY: as above; `length` bytes lie inside the block and inside `out`, and no Rust memory overlaps the ring.
        unsafe { ptr::copy_nonoverlapping(self.map.add(at).as_ptr(), out.as_mut_ptr(), length) };
        status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.next = (self.next + 1) % self.blocks;
        Some(length)
    }

    /// The error that waits at the socket, if one does; it is told once.
    fn error(&self) -> io::Result<()> {
        match get(self.socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ERROR)? {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    /// What the kernel counted since this was last asked.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn counted(&self) -> io::Result<Counted> {
        let counted: Statistics = get(self.socket.as_raw_fd(), libc::SOL_PACKET, libc::PACKET_STATISTICS)?;
        Ok(Counted { seen: counted.packets.into(), dropped: counted.drops.into(), freezes: counted.freezes.into() })
    }
}

/// Waits until there may be a block in one of these rings, or until that has taken too long. An error of a socket, such as of an
/// interface that goes down, is returned once.
///
/// # Errors
/// There is one.
pub fn wait<'a>(rings: impl Iterator<Item = &'a Ring> + Clone, longest: Duration) -> io::Result<()> {
    let poll =
        |ring: &Ring| libc::pollfd { fd: ring.socket.as_raw_fd(), events: libc::POLLIN | libc::POLLERR, revents: 0 };
    let mut polls: Vec<libc::pollfd> = rings.clone().map(poll).collect();
    let longest = libc::c_int::try_from(longest.as_millis()).unwrap_or(libc::c_int::MAX);
    // SAFETY: as many structures as are there, which live until the call returns.
    let ready = unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, longest) };
    if ready < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) };
    }
    let failed = |(ring, poll): (&Ring, &libc::pollfd)| (poll.revents & libc::POLLERR != 0).then(|| ring.error());
    rings.zip(&polls).filter_map(failed).collect()
}

/// Rings that share the frames of an interface.
#[derive(Clone, Copy, Debug)]
pub struct Group(u16);

/// How they do: by the addresses and ports of a frame, and what finds no room goes on to the next. What is in pieces is not put
/// together first, as another flag would have it: frames are to be those that came.
const SHARING: libc::c_uint = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_ROLLOVER;

/// What `PACKET_FANOUT` is set to: a number in the lower half, how to share in the upper.
fn fanout(how: libc::c_uint, group: u16) -> libc::c_int {
    (how << 16 | libc::c_uint::from(group)) as libc::c_int
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: this is the whole mapping; no reference into it is ever handed out.
        unsafe { libc::munmap(self.map.as_ptr().cast(), self.blocks * BLOCK) };
    }
}

/// `struct tpacket_stats_v3`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Statistics {
    packets: libc::c_uint,
    drops: libc::c_uint,
    freezes: libc::c_uint,
}

/// `struct ethtool_ts_info`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Stamping {
    command: u32,
    software_and_hardware: u32,
    clock: i32,
    sent: u32,
    reserved: [u32; 3],
    received: u32,
    reserved_too: [u32; 3],
}

/// `struct hwtstamp_config`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Stamped {
    flags: libc::c_int,
    sent: libc::c_int,
    received: libc::c_int,
}

/// Numbers that the kernel may fill in any way.
trait Plain: Default {}
impl Plain for Statistics {}
impl Plain for Stamping {}
impl Plain for Stamped {}
impl Plain for libc::c_int {}

const SIOCETHTOOL: libc::c_ulong = 0x8946;
const ETHTOOL_GET_TS_INFO: u32 = 0x41;
const SIOCGHWTSTAMP: libc::c_ulong = 0x89b1;

/// Whether the hardware of an interface can tell when it saw each frame.
pub fn has_hardware_times(interface: &str) -> bool {
    const BOTH: u32 = libc::SOF_TIMESTAMPING_RX_HARDWARE | libc::SOF_TIMESTAMPING_RAW_HARDWARE;
    let mut stamping = Stamping { command: ETHTOOL_GET_TS_INFO, ..Stamping::default() };
    let asked = ask(interface, SIOCETHTOOL, &mut stamping);
    let of_all = 1 << libc::HWTSTAMP_FILTER_ALL;
    asked.is_ok() && stamping.software_and_hardware & BOTH == BOTH && stamping.received & of_all != 0
}

/// Lets the hardware of an interface tell when it saw each frame, until somebody wants it otherwise; what it does for frames that are sent
/// stays as it is, for who keeps clocks in step lives by it
/// ([timestamping](https://docs.kernel.org/networking/timestamping.html)).
///
/// # Errors
/// The hardware cannot, not of every frame, or this process may not ask for it.
pub fn want_hardware_times(interface: &str) -> io::Result<()> {
    let of_all = libc::HWTSTAMP_FILTER_ALL as libc::c_int;
    let mut stamped = Stamped::default();
    ask(interface, SIOCGHWTSTAMP, &mut stamped)?;
    if stamped.received == of_all {
        return Ok(());
    }
    (stamped.flags, stamped.received) = (0, of_all);
    ask(interface, libc::SIOCSHWTSTAMP, &mut stamped)?;
    if stamped.received == of_all { Ok(()) } else { Err(io::ErrorKind::Unsupported.into()) }
}

/// Asks the driver of an interface something, or for something, in words that `value` holds and that the answer takes the place of
/// (netdevice(7)).
fn ask<T: Plain>(interface: &str, request: libc::c_ulong, value: &mut T) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: the structure is made of numbers and of a pointer that may be null, of which all may be zero.
    let mut asked: libc::ifreq = unsafe { mem::zeroed() };
    // The zero behind the name has to stay.
    if interface.len() >= asked.ifr_name.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (place, byte) in asked.ifr_name.iter_mut().zip(interface.bytes()) {
        *place = byte as libc::c_char;
    }
    asked.ifr_ifru.ifru_data = ptr::from_mut(value).cast();
    // SAFETY: the request, and what it points at, live until the call returns; the kernel reads and writes a `T` there, for the callers
    // name a request together with its structure, and any bytes are a `Plain`.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), request as _, &raw mut asked) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Sets an option of a socket. What `value` points at, if it does, lives until this returns, for its owner calls this.
fn set<T>(socket: &OwnedFd, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    let size = mem::size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel reads `size` bytes of `value`, and as many instructions as a `sock_fprog` names.
    let set = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, ptr::from_ref(value).cast(), size) };
    if set < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn get<T: Plain>(socket: RawFd, level: libc::c_int, name: libc::c_int) -> io::Result<T> {
    let mut value = T::default();
    let mut size = mem::size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `size` bytes into `value`, and any bytes are a `Plain`.
    let got = unsafe { libc::getsockopt(socket, level, name, (&raw mut value).cast(), &raw mut size) };
    if got < 0 { Err(io::Error::last_os_error()) } else { Ok(value) }
}
