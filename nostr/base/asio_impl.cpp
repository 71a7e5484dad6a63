// The non-template half of asio, compiled once (BOOST_ASIO_SEPARATE_COMPILATION is set
// project-wide).
#include <boost/asio/impl/src.hpp>
