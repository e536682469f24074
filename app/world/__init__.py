"""What is not us: geocoder, mail, clock of the host."""
