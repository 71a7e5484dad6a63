// The sections of config.toml that have names of their own: [backends.ID], [mcp.NAME],
// [hooks.NAME].
#pragma once

#include <string>
#include <vector>

#include "node/config.h"
#include "node/config_field.h"

namespace node {

const std::vector<Field<BackendConfig>>& backend_keys();

/// Reads one such section into `config`. kInvalid names the line, or what the section lacks.
base::Result<void> read_backend_section(Config& config, const std::string& id,
                                        const toml::table& table, const std::filesystem::path& dir);
base::Result<void> read_mcp_section(Config& config, const std::string& name,
                                    const toml::table& table, const std::filesystem::path& dir);
base::Result<void> read_hook_section(Config& config, const std::string& name,
                                     const toml::table& table, const std::filesystem::path& dir);

}  // namespace node
