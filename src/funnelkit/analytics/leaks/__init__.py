"""Where records are lost, told with statistical care."""
