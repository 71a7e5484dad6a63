# The house: one static library per floor (the ground floor in four rooms), and the link list is the
# order. Nothing points up; tests/ and tools/ see everything.
function(sovereign_library name)
  cmake_parse_arguments(ARG "" "" "FOLDERS;LINK" ${ARGN})
  set(sources)
  foreach(folder IN LISTS ARG_FOLDERS)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
    list(APPEND sources ${found})
  endforeach()
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  add_library(sovereign_${name} STATIC ${sources})
  target_link_libraries(sovereign_${name} PUBLIC sovereign_flags ${ARG_LINK})
  sovereign_headers(sovereign_${name} sovereign_core ${CMAKE_SOURCE_DIR}/cmake/pch.h)
endfunction()

# Parses the common headers once for all targets that share `owner`'s flags: `owner` builds the
# precompiled header, every other target reuses it.
function(sovereign_headers target owner)
  if(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
  target_compile_options(${target} PRIVATE -Xclang -fno-pch-timestamp)
endfunction()

sovereign_library(core FOLDERS nostr/base nostr/crypto nostr/event nostr/nips nostr/signer
  LINK Threads::Threads OpenSSL::Crypto PkgConfig::SECP PkgConfig::SODIUM PkgConfig::UTF8PROC
       PkgConfig::SIMDJSON
       fmt::fmt spdlog::spdlog nlohmann_json::nlohmann_json Boost::headers)
# libcurl is loaded at first use, see nostr/net/curl_library.h: only its headers are needed here.
sovereign_library(net FOLDERS nostr/net LINK sovereign_core PkgConfig::LWS OpenSSL::SSL ${CMAKE_DL_LIBS})
sovereign_library(client FOLDERS nostr/client LINK sovereign_net)
sovereign_library(server FOLDERS nostr/server LINK sovereign_net)
add_library(sovereign_nostr INTERFACE)
target_link_libraries(sovereign_nostr INTERFACE sovereign_client sovereign_server)
sovereign_library(storage FOLDERS storage LINK sovereign_nostr PkgConfig::SQLITE)
sovereign_library(nipsa FOLDERS nipsa LINK sovereign_storage)
sovereign_library(frostr FOLDERS frostr LINK sovereign_nipsa PkgConfig::RE2 absl::time)
sovereign_library(orchestration FOLDERS orchestration LINK sovereign_frostr PkgConfig::RE2 PkgConfig::SECCOMP)
sovereign_library(node FOLDERS node LINK sovereign_orchestration PkgConfig::QRENCODE)

# Keeps the files of a folder in the program: `function`, declared in `header`, gives them.
function(sovereign_embed name namespace header function)
  set(files ${ARGN})
  list(TRANSFORM files PREPEND ${CMAKE_SOURCE_DIR}/)
  set(source ${CMAKE_BINARY_DIR}/${function}.cpp)
  add_custom_command(OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -DOUT=${source} "-DFILES=${files}" -DHEADER=${header} -DNAMESPACE=${namespace}
            -DFUNCTION=${function} -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
  target_sources(sovereign_${name} PRIVATE ${source})
endfunction()

set(assets node/dashboard/assets)
sovereign_embed(node node node/dashboard/assets.h dashboard_assets
  ${assets}/index.html ${assets}/page.css ${assets}/page.js)
set(prompts orchestration/agents/prompts)
sovereign_embed(orchestration orchestration orchestration/agents/prompts.h agent_prompts
  ${prompts}/sisyphus.md ${prompts}/oracle.md ${prompts}/librarian.md ${prompts}/explore.md
  ${prompts}/frontend.md ${prompts}/docwriter.md ${prompts}/multimodal.md)
file(GLOB migrations CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/storage/migrations/*.sql)
sovereign_embed(storage storage storage/migrations/migrations.h migration_files ${migrations})
