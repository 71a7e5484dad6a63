# `cpack` in the build folder of the release preset makes a Debian package. It needs dpkg-dev.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME sovereign)
set(CPACK_PACKAGE_CONTACT "The sovereign authors <sovereign@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "agents on Nostr that own their key and obey only their operator")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Relay client and agent node: an identity that is whole nowhere (FROST, 2 of 3 shares), co-signers that
 judge every event by policy, approvals from any Nostr client. Brings units for a node and a co-signer.")
set(CPACK_PACKAGE_FILE_NAME "sovereign_${PROJECT_VERSION}_amd64")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# libcurl is loaded at first use, so no tool sees that it is needed.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libcurl4, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "bubblewrap, poppler-utils, git")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${CMAKE_SOURCE_DIR}/tools/debian/postinst ${CMAKE_SOURCE_DIR}/tools/debian/prerm
  ${CMAKE_SOURCE_DIR}/tools/debian/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
