"""What is solved in a test is not the progress of whoever runs it."""

from tests.fixtures.progress import own_progress  # noqa: F401
