//! Capabilities, which only opening a socket takes.

use std::io;

use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs,
};

/// Gives up all capabilities for good, and what setuid programs would give (capabilities(7), `PR_SET_NO_NEW_PRIVS` in prctl(2)).
///
/// Linux knows them by thread: threads that this one starts from now on have none either; those that it has started keep theirs.
///
/// # Errors
/// What the kernel says.
pub fn renounce() -> io::Result<()> {
    set_no_new_privs(true)?;
    clear_ambient_capability_set()?;
    for capability in CapabilitySet::all().iter() {
        // Only who may set capabilities may take them out of the bounding set, and not every kernel knows each.
        let _ = remove_capability_from_bounding_set(capability);
    }
    let none = CapabilitySet::empty();
    Ok(set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?)
}
