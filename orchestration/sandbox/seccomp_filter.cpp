// libseccomp writes the program; the list is ours.
#include "orchestration/sandbox/seccomp_filter.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "orchestration/sandbox/fd.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Result;

constexpr int kRefused[] = {
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(kcmp),
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(fsopen),
    SCMP_SYS(fsmount), SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(mount_setattr),
    SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(keyctl),
    SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(init_module),
    SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(acct), SCMP_SYS(quotactl),
    SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(clock_adjtime), SCMP_SYS(adjtimex),
    SCMP_SYS(open_by_handle_at), SCMP_SYS(name_to_handle_at), SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname), SCMP_SYS(syslog), SCMP_SYS(vhangup), SCMP_SYS(lookup_dcookie)};

constexpr unsigned kNamespaces[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET,
                                    CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP};

struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

class Builder {
 public:
  Builder() : context_(seccomp_init(SCMP_ACT_ALLOW)) {}

  template <class... Conditions>
  void refuse(int call, Conditions... conditions) {
    const std::array<scmp_arg_cmp, sizeof...(Conditions)> list{conditions...};
    // A call this architecture does not have cannot be made either.
    const int result = seccomp_rule_add_array(context_.get(), SCMP_ACT_ERRNO(EPERM), call,
                                              static_cast<unsigned>(list.size()), list.data());
    if (result != 0 && result != -EDOM) error_ = result;
  }
  /// So that the C library falls back to clone(2), whose flags can be looked at.
  void hide_clone3() {
    if (seccomp_rule_add_array(context_.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0, nullptr) != 0)
      error_ = -EINVAL;
  }

  Result<std::string> build() {
    if (!context_ || error_ != 0)
      return base::fail(Errc::kUnsupported, "libseccomp cannot build the filter of this machine");
    Fd fd(::memfd_create("filter", MFD_CLOEXEC));
    if (!fd.valid() || seccomp_export_bpf(context_.get(), fd.get()) != 0)
      return base::fail(Errc::kIo, std::string("seccomp filter: ") + std::strerror(errno));
    std::string out(static_cast<std::size_t>(::lseek(fd.get(), 0, SEEK_CUR)), '\0');
    if (::pread(fd.get(), out.data(), out.size(), 0) != static_cast<ssize_t>(out.size()))
      return base::fail(Errc::kIo, std::string("seccomp filter: ") + std::strerror(errno));
    return out;
  }

 private:
  Context context_;
  int error_ = 0;
};

}  // namespace

Result<std::string> seccomp_filter(SeccompRules rules) {
  Builder filter;
  for (const int call : kRefused) filter.refuse(call);
  for (const unsigned flag : kNamespaces)
    filter.refuse(SCMP_SYS(clone), scmp_arg_cmp{0, SCMP_CMP_MASKED_EQ, flag, flag});
  filter.hide_clone3();
  filter.refuse(SCMP_SYS(ioctl), scmp_arg_cmp{1, SCMP_CMP_MASKED_EQ, 0xffffffffu, TIOCSTI});
  filter.refuse(SCMP_SYS(ioctl), scmp_arg_cmp{1, SCMP_CMP_MASKED_EQ, 0xffffffffu, TIOCLINUX});
  if (rules.refuse_sockets) {
    filter.refuse(SCMP_SYS(socket));
  } else {
    for (const int family : {AF_PACKET, AF_VSOCK, AF_ALG, AF_BLUETOOTH, AF_CAN, AF_RDS, AF_TIPC, AF_XDP})
      filter.refuse(SCMP_SYS(socket),
                    scmp_arg_cmp{0, SCMP_CMP_EQ, static_cast<scmp_datum_t>(family), 0});
  }
  if (rules.keep_group) {
    filter.refuse(SCMP_SYS(setsid));
    filter.refuse(SCMP_SYS(setpgid));
  }
  return filter.build();
}

}  // namespace orchestration
