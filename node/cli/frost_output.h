// How commands print a group.
#pragma once

#include "frostr/frost/shares.h"
#include "node/cli/command.h"

namespace node::cli {

/// identity, npub, threshold, members, gid.
base::json::Value group_json(const frostr::GroupPackage& group);
void print_group(const Context& context, const frostr::GroupPackage& group);

}  // namespace node::cli
