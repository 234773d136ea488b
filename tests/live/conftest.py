from tests.ui.test_window import server as x_server

__all__ = ["x_server"]
