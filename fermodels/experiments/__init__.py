"""What runs from the shell: experiments out of a configuration file, and their results."""
